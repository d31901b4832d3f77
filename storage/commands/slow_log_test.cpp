// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/slow_log.h"

#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(SlowLog, KeepsTheNewest) {
  SlowLog log;
  for (int i = 0; i < 10; ++i) log.Add(SlowCommand(), 3);
  ASSERT_EQ(log.Commands().size(), 3u);
  EXPECT_EQ(log.Commands().front().id, 9u);
  EXPECT_EQ(log.Commands().back().id, 7u);
  log.Clear();
  log.Add(SlowCommand(), 3);
  EXPECT_EQ(log.Commands().front().id, 10u);
  log.Add(SlowCommand(), 0);
  EXPECT_TRUE(log.Commands().empty());
}

TEST(SlowLog, Commands) {
  CommandRunner runner;
  runner.State().slow_log.Add({.id = 0,
                               .time_s = 1700000000,
                               .duration_us = 12345,
                               .args = {"debug", "sleep", "1"},
                               .client_address = "127.0.0.1:1",
                               .client_name = "me"},
                              10);
  EXPECT_EQ(
      Play(runner,
           {
               {{"slowlog", "len"}, ":1\r\n"},
               {{"slowlog", "get"},
                "*1\r\n*6\r\n:0\r\n:1700000000\r\n:12345\r\n*3\r\n$5\r\ndebug\r\n$5\r\nsleep\r\n"
                "$1\r\n1\r\n$11\r\n127.0.0.1:1\r\n$2\r\nme\r\n"},
               {{"slowlog", "get", "0"}, "*0\r\n"},
               {{"slowlog", "get", "-2"}, "-ERR count should be greater than or equal to -1\r\n"},
               {{"slowlog", "get", "x"}, "-ERR count should be greater than or equal to -1\r\n"},
               {{"slowlog", "get", "1", "2"},
                "-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG "
                "HELP.\r\n"},
               {{"slowlog", "reset"}, "+OK\r\n"},
               {{"slowlog", "len"}, ":0\r\n"},
           }),
      "");
}

}  // namespace
}  // namespace slotway::storage
