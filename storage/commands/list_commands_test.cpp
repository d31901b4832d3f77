// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(ListCommandsTest, PushPopAndIndexes) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"lpush", "l", "a", "b"}, ":2\r\n"},
               {{"rpush", "l", "1", "2"}, ":4\r\n"},
               {{"lrange", "l", "0", "-1"}, "*4\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n2\r\n"},
               {{"lindex", "l", "-1"}, "$1\r\n2\r\n"},
               {{"lset", "l", "9", "x"}, "-ERR index out of range\r\n"},
               {{"lset", "l", "1", "x"}, "+OK\r\n"},
               {{"linsert", "l", "after", "x", "y"}, ":5\r\n"},
               {{"linsert", "l", "after", "z", "y"}, ":-1\r\n"},
               {{"lpos", "l", "1"}, ":3\r\n"},
               {{"lrem", "l", "-1", "y"}, ":1\r\n"},
               {{"lpop", "l", "2"}, "*2\r\n$1\r\nb\r\n$1\r\nx\r\n"},
               {{"rpop", "l", "-1"}, "-ERR value is out of range, must be positive\r\n"},
               {{"lmove", "l", "m", "right", "left"}, "$1\r\n2\r\n"},
               {{"lmpop", "2", "none", "m", "left", "count", "5"},
                "*2\r\n$1\r\nm\r\n*1\r\n$1\r\n2\r\n"},
               {{"rpoplpush", "l", "l"}, "$1\r\n1\r\n"},
               {{"ltrim", "l", "5", "9"}, "+OK\r\n"},
               {{"exists", "l", "m"}, ":0\r\n"},
               {{"lpop", "l", "1"}, "*-1\r\n"},
           }),
      "");
}

// As list-max-listpack-size says; it becomes a listpack again when it is half as large.
TEST(ListCommandsTest, TheEncodingFollowsTheSize) {
  config::ShardConfig settings;
  settings.list_max_listpack_size = 8;
  CommandRunner runner(settings);
  for (int i = 0; i < 8; ++i) runner.Run({"rpush", "l", std::to_string(i)});
  EXPECT_EQ(runner.Run({"object", "encoding", "l"}), "$8\r\nlistpack\r\n");
  runner.Run({"rpush", "l", "8"});
  EXPECT_EQ(runner.Run({"object", "encoding", "l"}), "$9\r\nquicklist\r\n");
  EXPECT_EQ(runner.Run({"copy", "l", "copy"}), ":1\r\n");
  EXPECT_EQ(runner.Run({"object", "encoding", "copy"}), "$9\r\nquicklist\r\n");
  EXPECT_EQ(runner.Run({"lindex", "copy", "-1"}), "$1\r\n8\r\n");
  runner.Run({"ltrim", "l", "0", "3"});
  EXPECT_EQ(runner.Run({"object", "encoding", "l"}), "$8\r\nlistpack\r\n");
}

}  // namespace
}  // namespace slotway::storage
