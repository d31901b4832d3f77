// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(HashCommandsTest, SetReadDelete) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"hset", "h", "a", "1", "b", "x"}, ":2\r\n"},
                     {{"hset", "h", "a", "2", "c", "y"}, ":1\r\n"},
                     {{"hset", "h", "a"}, "-ERR wrong number of arguments for 'hset' command\r\n"},
                     {{"hgetall", "h"},
                      "*6\r\n$1\r\na\r\n$1\r\n2\r\n$1\r\nb\r\n$1\r\nx\r\n$1\r\nc\r\n$1\r\ny\r\n"},
                     {{"hmget", "h", "b", "z"}, "*2\r\n$1\r\nx\r\n$-1\r\n"},
                     {{"hincrby", "h", "a", "5"}, ":7\r\n"},
                     {{"hincrby", "h", "b", "5"}, "-ERR hash value is not an integer\r\n"},
                     {{"hincrbyfloat", "h", "a", "0.5"}, "$3\r\n7.5\r\n"},
                     {{"hincrbyfloat", "h", "b", "1"}, "-ERR hash value is not a float\r\n"},
                     {{"hdel", "h", "a", "b", "c", "d"}, ":3\r\n"},
                     {{"exists", "h"}, ":0\r\n"},
                     {{"hgetall", "h"}, "*0\r\n"},
                 }),
            "");
}

TEST(HashCommandsTest, Resp3Shapes) {
  CommandRunner runner;
  runner.SpeakResp3();
  EXPECT_EQ(Play(runner,
                 {
                     {{"hset", "h", "a", "1"}, ":1\r\n"},
                     {{"hgetall", "h"}, "%1\r\n$1\r\na\r\n$1\r\n1\r\n"},
                     {{"hget", "h", "z"}, "_\r\n"},
                     {{"hrandfield", "h", "1", "withvalues"}, "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
                     {{"hgetall", "z"}, "%0\r\n"},
                 }),
            "");
}

TEST(HashCommandsTest, BothEncodingsAnswerAlike) {
  config::ShardConfig small;
  small.hash_max_listpack_entries = 4;
  CommandRunner runner(small);
  for (int i = 0; i < 100; ++i) {
    std::string n = std::to_string(i);
    EXPECT_EQ(runner.Run({"hset", "h", "f" + n, n}), ":1\r\n");
  }
  EXPECT_EQ(runner.Run({"object", "encoding", "h"}), "$9\r\nhashtable\r\n");
  EXPECT_EQ(runner.Run({"hlen", "h"}), ":100\r\n");
  EXPECT_EQ(runner.Run({"hget", "h", "f42"}), "$2\r\n42\r\n");
  EXPECT_EQ(runner.Run({"copy", "h", "g"}), ":1\r\n");
  EXPECT_EQ(runner.Run({"hincrby", "g", "f42", "1"}), ":43\r\n");
  EXPECT_EQ(runner.Run({"hget", "h", "f42"}), "$2\r\n42\r\n");
  EXPECT_EQ(runner.Run({"object", "encoding", "g"}), "$9\r\nhashtable\r\n");
}

// Numbers in a listpack have no text of their own: a reply must not keep a view of it.
TEST(HashCommandsTest, ScanKeepsNumbersApart) {
  CommandRunner runner;
  runner.Run({"hset", "h", "a", "1234567", "b", "89", "5", "x"});
  EXPECT_EQ(runner.Run({"hscan", "h", "0"}),
            "*2\r\n$1\r\n0\r\n*6\r\n$1\r\na\r\n$7\r\n1234567\r\n$1\r\nb\r\n$2\r\n89\r\n"
            "$1\r\n5\r\n$1\r\nx\r\n");
}

}  // namespace
}  // namespace slotway::storage
