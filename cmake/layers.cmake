# SPDX-License-Identifier: Apache-2.0
# A folder is a layer: one static library, one test program, links that point down only.

# slotway_layer(NAME [DEPS layer...] [LIBS library...])
# Builds lib slotway_NAME from the folder's *.cpp and the test program NAME_test from its
# *_test.cpp. DEPS are layers below, LIBS are libraries from outside.
function(slotway_layer name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp
    ${CMAKE_CURRENT_SOURCE_DIR}/command_rows/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cpp$")

  set(target slotway_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_DEPS PREPEND slotway_)
  target_link_libraries(${target} ${scope} ${ARG_DEPS} ${ARG_LIBS})

  if(tests AND NOT SLOTWAY_FUZZ)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} GTest::gmock GTest::gtest_main)
    target_precompile_headers(${name}_test PRIVATE <gtest/gtest.h> <gmock/gmock.h>)
    target_compile_definitions(${name}_test PRIVATE
      SLOTWAY_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
