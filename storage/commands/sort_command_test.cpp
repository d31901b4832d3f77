// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(SortCommandTest, OrdersByTheElementsOrByOtherKeys) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"rpush", "l", "3", "1", "2", "10"}, ":4\r\n"},
               {{"sort", "l"}, "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$2\r\n10\r\n"},
               {{"sort", "l", "alpha", "desc"},
                "*4\r\n$1\r\n3\r\n$1\r\n2\r\n$2\r\n10\r\n$1\r\n1\r\n"},
               {{"sort", "l", "limit", "1", "2"}, "*2\r\n$1\r\n2\r\n$1\r\n3\r\n"},
               {{"mset", "w_1", "30", "w_2", "20", "w_3", "10"}, "+OK\r\n"},
               // Without a weight of its own an element counts as 0.
               {{"sort", "l", "by", "w_*"}, "*4\r\n$2\r\n10\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"},
               {{"hset", "o_1", "n", "one"}, ":1\r\n"},
               {{"sort", "l", "by", "nosort", "get", "#", "get", "o_*->n", "limit", "0", "2"},
                "*4\r\n$1\r\n3\r\n$-1\r\n$1\r\n1\r\n$3\r\none\r\n"},
               {{"mset", "w_1", " 1", "w_2", "", "w_3", "0x10"}, "+OK\r\n"},
               {{"sort", "l", "by", "w_*", "limit", "2", "2"}, "*2\r\n$1\r\n1\r\n$1\r\n3\r\n"},
               {{"set", "w_3", "x"}, "+OK\r\n"},
               {{"sort", "l", "by", "w_*"},
                "-ERR One or more scores can't be converted into double\r\n"},
               {{"sort", "w_1"},
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
           }),
      "");
}

TEST(SortCommandTest, StoresAListOrRemovesTheTarget) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"zadd", "z", "1", "b", "2", "a"}, ":2\r\n"},
               {{"sort", "z", "by", "nosort", "desc"}, "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
               {{"sort", "z", "alpha", "get", "x*", "get", "#", "store", "t"}, ":4\r\n"},
               {{"lrange", "t", "0", "-1"}, "*4\r\n$0\r\n\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nb\r\n"},
               {{"sort", "none", "store", "t"}, ":0\r\n"},
               {{"exists", "t"}, ":0\r\n"},
               {{"sort_ro", "z", "alpha", "store", "t"}, "-ERR syntax error\r\n"},
           }),
      "");
}

// Redis orders a set that BY leaves unordered, for scripts and for what is stored.
TEST(SortCommandTest, ScriptsSeeSetsInOrder) {
  CommandRunner runner;
  runner.Run({"sadd", "s", "b", "a", "aa", "c"});
  runner.Client().is_script = true;
  EXPECT_EQ(runner.Run({"sort", "s", "by", "_"}),
            "*4\r\n$1\r\na\r\n$2\r\naa\r\n$1\r\nb\r\n$1\r\nc\r\n");
}

}  // namespace
}  // namespace slotway::storage
