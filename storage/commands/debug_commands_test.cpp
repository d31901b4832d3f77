// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"
#include "storage/commands/file_host.h"

namespace slotway::storage {
namespace {

using ::testing::HasSubstr;

// One key of each type, and one that will be due.
class DebugCommandsTest : public ::testing::Test {
 protected:
  DebugCommandsTest() : runner_(Settings()), host_(runner_.State()) {
    for (const std::vector<std::string>& request :
         {std::vector<std::string>{"set", "string", "v", "px", "1000"},
          {"rpush", "list", "a", "b"},
          {"sadd", "set", "1", "2"},
          {"hset", "hash", "f", "v"},
          {"zadd", "sorted", "1.5", "m"},
          {"xadd", "stream", "1-1", "f", "v"}}) {
      runner_.Run(request);
    }
    runner_.Run({"select", "3"});
    runner_.Run({"set", "elsewhere", "v"});
    runner_.Run({"select", "0"});
  }

  static config::ShardConfig Settings() {
    config::ShardConfig settings;
    settings.enable_debug_command = config::LocalOnly::kYes;
    return settings;
  }

  CommandRunner runner_;
  FileHost host_;
};

TEST_F(DebugCommandsTest, ReloadKeepsAllData) {
  const std::string digest = runner_.Run({"debug", "digest"});
  EXPECT_EQ(runner_.Run({"debug", "reload"}), "+OK\r\n");
  EXPECT_EQ(runner_.Run({"debug", "digest"}), digest);
  EXPECT_EQ(runner_.Run({"pttl", "string"}), ":1000\r\n");
  EXPECT_EQ(runner_.Run({"dbsize"}), ":6\r\n");
}

TEST_F(DebugCommandsTest, ReloadJoinsWhatItIsToldToJoin) {
  const std::string failed = "-ERR Error trying to load the RDB dump, check server logs.\r\n";
  EXPECT_EQ(runner_.Run({"debug", "reload", "nosave", "noflush"}), failed);  // nothing was saved
  EXPECT_EQ(runner_.Run({"debug", "reload", "noflush"}), failed);
  EXPECT_EQ(runner_.Run({"debug", "reload", "noflush", "merge"}), "+OK\r\n");
  runner_.Run({"set", "new", "v"});
  runner_.Run({"del", "list"});
  EXPECT_EQ(runner_.Run({"debug", "reload", "nosave", "noflush", "merge"}), "+OK\r\n");
  EXPECT_EQ(runner_.Run({"exists", "new", "list"}), ":2\r\n");
  EXPECT_EQ(runner_.Run({"debug", "reload", "nosave"}), "+OK\r\n");
  EXPECT_EQ(runner_.Run({"exists", "new", "list"}), ":1\r\n");
}

TEST_F(DebugCommandsTest, ReloadEndsTransactionsOfWatchers) {
  runner_.Run({"watch", "list"});
  runner_.Run({"debug", "reload"});
  EXPECT_TRUE(runner_.Client().has_watched_change);
}

TEST_F(DebugCommandsTest, ObjectShowsAKeyThatIsDueAndNotYetMet) {
  runner_.Advance(1001);
  EXPECT_THAT(runner_.Run({"debug", "object", "string"}), HasSubstr("encoding:embstr"));
  EXPECT_EQ(runner_.Run({"exists", "string"}), ":0\r\n");
  EXPECT_EQ(runner_.Run({"debug", "object", "string"}), "-ERR no such key\r\n");
}

TEST_F(DebugCommandsTest, ObjectTellsOfAccessAndLength) {
  runner_.Advance(5000);
  const std::int64_t clock = (runner_.State().now_ms / 1000 - 5) & 0xffffff;
  EXPECT_EQ(runner_.Run({"debug", "object", "set"}),
            "+Value at:0x0 refcount:1 encoding:intset serializedlength:13 lru:" +
                std::to_string(clock) + " lru_seconds_idle:5\r\n");
}

TEST_F(DebugCommandsTest, LargeElementsOfAListStandAloneIfTold) {
  EXPECT_EQ(runner_.Run({"debug", "quicklist-packed-threshold", "1b"}), "+OK\r\n");
  runner_.Run({"rpush", "list", "c"});
  EXPECT_THAT(runner_.Run({"debug", "object", "list"}), HasSubstr("encoding:listpack"));
  runner_.Run({"rpush", "long", std::string(9000, 'x'), "b", "c"});
  EXPECT_THAT(runner_.Run({"debug", "object", "long"}), HasSubstr("ql_nodes:3"));
  EXPECT_EQ(runner_.Run({"debug", "quicklist-packed-threshold", "0"}), "+OK\r\n");
  runner_.Run({"rpush", "long", "d", "e"});
  EXPECT_THAT(runner_.Run({"debug", "object", "long"}), HasSubstr("ql_nodes:3"));
  EXPECT_THAT(runner_.Run({"debug", "quicklist-packed-threshold", "x"}), HasSubstr("-ERR"));
}

}  // namespace
}  // namespace slotway::storage
