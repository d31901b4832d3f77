# SPDX-License-Identifier: Apache-2.0
# A folder is a layer: one static library, one test program, links that point down only.

# slotway_layer(NAME [UNITY] [DEPS layer...] [LIBS library...])
# Builds lib slotway_NAME from the folder's *.cpp and the test program NAME_test from its
# *_test.cpp. DEPS are layers below, LIBS are libraries from outside. UNITY: several files read
# their headers once (but in debug builds, which are for changing one file at a time), so that what
# has no linkage has a name of its own in the whole layer. For layers of many files and large
# headers: it halves their time.
function(slotway_layer name)
  cmake_parse_arguments(ARG "UNITY" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp
    ${CMAKE_CURRENT_SOURCE_DIR}/command_rows/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cpp$")

  set(target slotway_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    slotway_use_precompiled(${target} precompiled)
    if(ARG_UNITY AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    endif()
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_DEPS PREPEND slotway_)
  target_link_libraries(${target} ${scope} ${ARG_DEPS} ${ARG_LIBS})

  if(tests AND NOT SLOTWAY_FUZZ)
    add_executable(${name}_test ${tests})
    # Five files of tests read their headers once: helpers of one layer's tests have names of their
    # own, or a header in common.
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
    target_link_libraries(${name}_test PRIVATE ${target} GTest::gmock GTest::gtest_main)
    slotway_use_precompiled(${name}_test precompiled_for_tests)
    target_compile_options(${name}_test PRIVATE ${slotway_test_options})
    target_compile_definitions(${name}_test PRIVATE
      SLOTWAY_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
