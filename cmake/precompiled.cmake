# SPDX-License-Identifier: Apache-2.0
# What nearly every file includes is read once: headers from outside take two thirds of the time
# that a file takes to compile. Every file still includes what it uses.

file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cpp CONTENT "")
set(slotway_common_headers
  <algorithm> <array> <charconv> <cmath> <cstddef> <cstdint> <cstring> <deque> <functional> <limits>
  <map> <memory> <mutex> <optional> <random> <set> <span> <string> <string_view> <thread>
  <unordered_map> <unordered_set> <utility> <variant> <vector> <tl/expected.hpp> <uv.h>)

# slotway_precompile(NAME HEADER...): slotway_use_precompiled(TARGET NAME) reads them from there.
function(slotway_precompile name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

function(slotway_use_precompiled target name)
  target_precompile_headers(${target} REUSE_FROM ${name})
endfunction()

slotway_precompile(precompiled ${slotway_common_headers})
if(NOT SLOTWAY_FUZZ)
  slotway_precompile(precompiled_for_tests
    ${slotway_common_headers} <gtest/gtest.h> <gmock/gmock.h>)
  target_link_libraries(precompiled_for_tests PRIVATE GTest::gmock)
  # What tests is not what is tested: it is compiled for whoever waits for it. Not so with
  # sanitizers, which are slow enough.
  if(NOT SLOTWAY_SANITIZE)
    set(slotway_test_options -O0)
  endif()
  target_compile_options(precompiled_for_tests PRIVATE ${slotway_test_options})
endif()
