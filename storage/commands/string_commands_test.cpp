// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

constexpr const char* kNull = "$-1\r\n";

TEST(StringCommandsTest, SetOptions) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"set", "k", "v"}, kOk},
               {{"get", "k"}, "$1\r\nv\r\n"},
               {{"set", "k", "w", "nx"}, kNull},
               {{"set", "n", "w", "XX"}, kNull},
               {{"set", "k", "w", "xx", "get"}, "$1\r\nv\r\n"},
               {{"set", "n", "1", "nx", "get"}, kNull},
               {{"get", "n"}, "$1\r\n1\r\n"},
               {{"set", "k", "v", "nx", "xx"}, kSyntax},
               {{"set", "k", "v", "ex", "10", "px", "10"}, kSyntax},
               {{"set", "k", "v", "keepttl", "ex", "10"}, kSyntax},
               {{"set", "k", "v", "ex"}, kSyntax},
               {{"set", "k", "v", "ex", "0"}, "-ERR invalid expire time in 'set' command\r\n"},
               {{"set", "k", "v", "ex", "9223372036854775807"},
                "-ERR invalid expire time in 'set' command\r\n"},
               {{"set", "k", "v", "ex", "1.5"}, "-ERR value is not an integer or out of range\r\n"},
               {{"set", "k", "v", "EX", "100"}, kOk},
               {{"ttl", "k"}, ":100\r\n"},
               {{"set", "k", "w", "keepttl"}, kOk},
               {{"ttl", "k"}, ":100\r\n"},
               {{"set", "k", "w"}, kOk},
               {{"ttl", "k"}, ":-1\r\n"},
           }),
      "");
}

TEST(StringCommandsTest, Counters) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"incr", "n"}, ":1\r\n"},
               {{"incrby", "n", "41"}, ":42\r\n"},
               {{"decrby", "n", "-9223372036854775808"}, "-ERR decrement would overflow\r\n"},
               {{"set", "n", "9223372036854775807"}, kOk},
               {{"incr", "n"}, "-ERR increment or decrement would overflow\r\n"},
               {{"set", "n", " 1"}, kOk},
               {{"incr", "n"}, "-ERR value is not an integer or out of range\r\n"},
               {{"incrbyfloat", "f", "0.1"}, "$3\r\n0.1\r\n"},
               {{"incrbyfloat", "f", "1e1"}, "$4\r\n10.1\r\n"},
               {{"incrbyfloat", "f", "nan"}, "-ERR value is not a valid float\r\n"},
               {{"incrbyfloat", "f", "inf"}, "-ERR increment would produce NaN or Infinity\r\n"},
           }),
      "");
}

TEST(StringCommandsTest, Ranges) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"setrange", "r", "3", "ab"}, ":5\r\n"},
                     {{"get", "r"}, std::string("$5\r\n\0\0\0ab\r\n", 11)},
                     {{"getrange", "r", "-2", "-1"}, "$2\r\nab\r\n"},
                     {{"getrange", "r", "-1", "-2"}, "$0\r\n\r\n"},
                     {{"getrange", "absent", "0", "-1"}, "$0\r\n\r\n"},
                     {{"setrange", "r", "-1", "x"}, "-ERR offset is out of range\r\n"},
                     {{"setrange", "r", "536870912", "x"},
                      "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"},
                     {{"append", "a", "12"}, ":2\r\n"},
                     {{"object", "encoding", "a"}, "$3\r\nint\r\n"},
                     {{"append", "a", "3"}, ":3\r\n"},
                     {{"get", "a"}, "$3\r\n123\r\n"},
                 }),
            "");
}

TEST(StringCommandsTest, SmallNumbersCountAsShared) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "n", "9998"}, kOk},
                     {{"incr", "n"}, ":9999\r\n"},
                     {{"object", "refcount", "n"}, ":2147483647\r\n"},
                     {{"incr", "n"}, ":10000\r\n"},
                     {{"object", "refcount", "n"}, ":1\r\n"},
                     {{"set", "t", "text"}, kOk},
                     {{"object", "refcount", "t"}, ":1\r\n"},
                 }),
            "");
}

// A record keeps lengths in 32 bits.
TEST(StringCommandsTest, NoStringIsLongerThanARecordCanHold) {
  config::ShardConfig settings;
  settings.proto_max_bulk_len = std::int64_t{1} << 40;
  CommandRunner runner(settings);
  EXPECT_EQ(runner.Run({"setrange", "k", "4294967295", "x"}),
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
  EXPECT_EQ(runner.Run({"setbit", "k", "34359738368", "1"}),
            "-ERR bit offset is not an integer or out of range\r\n");
  EXPECT_EQ(runner.Run({"exists", "k"}), ":0\r\n");
}

TEST(StringCommandsTest, WrongType) {
  CommandRunner runner;
  runner.Run({"hset", "h", "f", "v"});
  const std::string wrong =
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
  for (const std::vector<std::string>& request :
       std::vector<std::vector<std::string>>{{"get", "h"},
                                             {"incr", "h"},
                                             {"append", "h", "x"},
                                             {"getrange", "h", "0", "1"},
                                             {"setrange", "h", "0", "x"},
                                             {"getset", "h", "x"},
                                             {"getdel", "h"},
                                             {"set", "h", "x", "get"},
                                             {"strlen", "h"}}) {
    EXPECT_EQ(runner.Run(request), wrong) << request[0];
  }
  EXPECT_EQ(runner.Run({"mget", "h"}), "*1\r\n$-1\r\n");
}

TEST(StringCommandsTest, GetexMovesTheTtl) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "k", "v"}, kOk},
                     {{"getex", "k", "px", "500"}, "$1\r\nv\r\n"},
                     {{"pttl", "k"}, ":500\r\n"},
                     {{"getex", "k", "persist"}, "$1\r\nv\r\n"},
                     {{"pttl", "k"}, ":-1\r\n"},
                     {{"getex", "k", "exat", "1"}, "$1\r\nv\r\n"},
                     {{"exists", "k"}, ":0\r\n"},
                 }),
            "");
}

TEST(StringCommandsTest, Lcs) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"mset", "a", "ohmytext", "b", "mynewtext"}, kOk},
               {{"lcs", "a", "b"}, "$6\r\nmytext\r\n"},
               {{"lcs", "a", "b", "len"}, ":6\r\n"},
               {{"lcs", "a", "b", "idx", "minmatchlen", "4", "withmatchlen"},
                "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n"
                "$3\r\nlen\r\n:6\r\n"},
               {{"lcs", "a", "b", "len", "idx"},
                "-ERR If you want both the length and indexes, please just use IDX.\r\n"},
           }),
      "");
}

}  // namespace
}  // namespace slotway::storage
