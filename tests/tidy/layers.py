# SPDX-License-Identifier: Apache-2.0
"""The house as data: which layer may use which layers and which libraries."""

# Library: (prefixes of its includes, its CMake targets). "posix" needs no link.
LIBRARIES = {
    "expected": (["tl/expected.hpp"], ["tl::expected"]),
    "threads": ([], ["Threads::Threads"]),
    "posix": (["arpa/", "dirent.h", "dlfcn.h", "fcntl.h", "fnmatch.h", "glob.h", "ifaddrs.h",
               "linux/", "net/", "netdb.h", "netinet/", "poll.h", "pthread.h", "pwd.h", "sched.h",
               "signal.h", "spawn.h", "strings.h", "sys/", "syslog.h", "termios.h", "time.h",
               "unistd.h", "malloc.h", "execinfo.h"], []),
    "machine": (["emmintrin.h", "immintrin.h", "nmmintrin.h", "arm_neon.h", "sanitizer/"], []),
    "fmt": (["fmt/"], ["fmt::fmt"]),
    "libuv": (["uv.h"], ["PkgConfig::libuv"]),
    "openssl": (["openssl/"], ["OpenSSL::SSL", "OpenSSL::Crypto"]),
    "llhttp": (["llhttp.h"], ["llhttp"]),
    "spdlog": (["spdlog/"], ["spdlog::spdlog"]),
    "prometheus": (["prometheus/"], ["prometheus-cpp::core"]),
    "yaml": (["yaml-cpp/"], ["yaml-cpp"]),
    "jemalloc": (["jemalloc/"], ["PkgConfig::jemalloc"]),
    "lua": (["lua.hpp", "lua-cjson.h", "lua-bitop.h"], ["lua"]),
    "compression": (["zlib.h", "lz4.h", "lzf.h", "liblzf/"],
                    ["ZLIB::ZLIB", "PkgConfig::lz4", "PkgConfig::lzf", "lzf"]),
}

# Floors of a house from the bottom up; an upper one may use all lower ones. Neighbours on one floor
# may not use each other, and neither may the two houses.
_BELOW = ["protocol", "runtime", "config"]
_PROXY_FLOORS = [["meters"], ["reply"], ["backend"], ["routing"], ["operations", "pubsub"],
                 ["client"], ["console"], ["server"]]
_STORAGE_FLOORS = [["memory"], ["types"], ["engine"], ["persistence"], ["commands", "lua"],
                   ["cluster", "replication"], ["scripting"], ["server"]]
_MORE_LIBRARIES = {
    "storage/memory": ["posix"],
    "storage/engine": ["posix", "jemalloc"],
    "storage/persistence": ["posix", "threads", "compression"],
    "storage/cluster": ["posix"],
    "storage/replication": ["posix"],
    "storage/lua": ["lua"],
    "storage/scripting": ["lua"],
    "storage/server": ["posix", "threads", "jemalloc"],
}


def _house(folder, floors):
    layers, below = {}, list(_BELOW)
    for floor in floors:
        names = [f"{folder}/{room}" for room in floor]
        for name in names:
            libraries = ["expected", "machine", "fmt"] + _MORE_LIBRARIES.get(name, [])
            layers[name] = (list(below), libraries)
        below += names
    layers[folder] = (below, ["posix", "jemalloc", "fmt"])  # main.cpp
    return layers


# Layer: (layers it may use, libraries it may use). The longest matching folder wins, so
# "proxy" and "storage" themselves are their main.cpp.
LAYERS = {
    "protocol": ([], ["expected", "machine"]),
    "runtime": ([], ["expected", "machine", "threads", "posix", "fmt", "libuv", "openssl",
                     "llhttp", "spdlog", "prometheus"]),
    "config": (["runtime"], ["expected", "posix", "yaml"]),
    **_house("proxy", _PROXY_FLOORS),
    "proxy/tools": (_BELOW, ["expected", "posix", "fmt"]),
    "proxy/cluster_tool": (_BELOW, ["expected", "posix", "fmt"]),
    **_house("storage", _STORAGE_FLOORS),
}
LAYERS["proxy"][0].extend(["proxy/tools", "proxy/cluster_tool"])
# Pure bottom floors.
LAYERS["storage/memory"][0].clear()
LAYERS["storage/types"][0][:] = ["protocol", "storage/memory"]

# Folders that may use every layer and library.
FREE_FOLDERS = ["tests", "bench"]

# What a *_test.cpp, *_fuzz.cpp or *_bench.cpp inside a layer may use beside it.
TEST_INCLUDES = ["gtest/", "gmock/", "benchmark/", "nlohmann/", "tests/"]
TEST_LIBRARIES = ["posix", "threads", "expected"]

STANDARD_HEADERS = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
cinttypes climits clocale cmath compare complex concepts condition_variable coroutine csetjmp
csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
execution filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd
iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers
numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
unordered_set utility valarray variant vector version
errno.h float.h inttypes.h limits.h math.h stdarg.h stddef.h stdint.h stdio.h stdlib.h string.h
""".split())


def layer_of(path):
    """The layer that owns `path`, or None for what belongs to none (tests, scripts, docs)."""
    folders = path.split("/")[:-1]
    while folders:
        name = "/".join(folders)
        if name in LAYERS:
            return name
        folders.pop()
    return None


def target_name(layer):
    """proxy/server -> slotway_proxy_server."""
    return "slotway_" + layer.replace("/", "_")
