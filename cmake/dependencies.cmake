# SPDX-License-Identifier: Apache-2.0
# Every library from outside, all from Debian packages (scripts/deps.sh installs them).

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
# Lua and two of its libraries are linked statically: nothing of them has to be where we run.
pkg_check_modules(lua5_1 REQUIRED lua5.1)
find_library(LUA_ARCHIVE liblua5.1.a REQUIRED)
find_library(LUA_CJSON_ARCHIVE liblua5.1-cjson.a REQUIRED)
find_library(LUA_BIT_ARCHIVE liblua5.1-bitop.a REQUIRED)
add_library(lua INTERFACE)
target_include_directories(lua SYSTEM INTERFACE ${lua5_1_INCLUDE_DIRS})
target_link_libraries(lua INTERFACE ${LUA_CJSON_ARCHIVE} ${LUA_BIT_ARCHIVE} ${LUA_ARCHIVE} m)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(tl-expected REQUIRED)
if(NOT SLOTWAY_FUZZ)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

# Debian ships llhttp as C source beside its header (package node-llhttp).
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp REQUIRED)
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
add_library(llhttp STATIC
  ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_options(llhttp PRIVATE -w)
