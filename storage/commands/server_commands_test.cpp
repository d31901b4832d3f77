// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ServerCommandsTest, HelloAnswersInTheVersionAgreedOn) {
  CommandRunner runner;
  EXPECT_THAT(runner.Run({"hello", "3"}), StartsWith("%7\r\n$6\r\nserver\r\n"));
  EXPECT_EQ(runner.Run({"get", "absent"}), "_\r\n");
  EXPECT_THAT(runner.Run({"hello", "2"}), StartsWith("*14\r\n"));
  EXPECT_EQ(runner.Run({"hello", "4"}), "-NOPROTO unsupported protocol version\r\n");
}

TEST(ServerCommandsTest, AuthComparesWithRequirepass) {
  config::ShardConfig settings;
  settings.requirepass = "secret";
  CommandRunner runner(settings);
  runner.Client().is_authenticated = false;
  const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  EXPECT_EQ(runner.Run({"auth", "secre"}), wrong);
  EXPECT_EQ(runner.Run({"auth", "secretx"}), wrong);
  EXPECT_EQ(runner.Run({"auth", ""}), wrong);
  EXPECT_EQ(runner.Run({"auth", "nobody", "secret"}), wrong);
  EXPECT_THAT(runner.Run({"hello", "3"}), StartsWith("-NOAUTH HELLO"));
  EXPECT_FALSE(runner.Client().is_authenticated);
  EXPECT_EQ(runner.Run({"auth", "default", "secret"}), "+OK\r\n");
  EXPECT_TRUE(runner.Client().is_authenticated);
}

TEST(ServerCommandsTest, InfoHasTheSectionsAskedFor) {
  CommandRunner runner;
  runner.Run({"set", "k", "v"});
  std::string all = runner.Run({"info"});
  EXPECT_THAT(all, HasSubstr("redis_version:7.2."));
  EXPECT_THAT(all, HasSubstr("db0:keys=1,expires=0"));
  EXPECT_THAT(all, HasSubstr("role:master\r\n"));
  std::string one = runner.Run({"info", "KEYSPACE"});
  EXPECT_THAT(one, HasSubstr("# Keyspace\r\n"));
  EXPECT_EQ(one.find("# Server"), std::string::npos);
}

TEST(ServerCommandsTest, ConfigSetTakesEffect) {
  CommandRunner runner;
  EXPECT_EQ(runner.Run({"config", "set", "hash-max-listpack-entries", "1"}), "+OK\r\n");
  runner.Run({"hset", "h", "a", "1", "b", "2"});
  EXPECT_EQ(runner.Run({"object", "encoding", "h"}), "$9\r\nhashtable\r\n");
  EXPECT_EQ(runner.Run({"config", "get", "hash-max-listpack-entries"}),
            "*2\r\n$25\r\nhash-max-listpack-entries\r\n$1\r\n1\r\n");
}

TEST(ServerCommandsTest, ClientNames) {
  CommandRunner runner;
  EXPECT_EQ(runner.Run({"client", "getname"}), "$-1\r\n");
  EXPECT_EQ(runner.Run({"client", "setname", "a b"}),
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  EXPECT_EQ(runner.Run({"client", "setname", "worker-1"}), "+OK\r\n");
  EXPECT_THAT(runner.Run({"client", "list"}), HasSubstr(" name=worker-1 "));
  EXPECT_EQ(runner.Run({"client", "kill", "1.2.3.4:5"}), "-ERR No such client\r\n");
}

TEST(ServerCommandsTest, DebugNeedsPermission) {
  CommandRunner runner;
  EXPECT_THAT(runner.Run({"debug", "sleep", "0"}), StartsWith("-ERR DEBUG command not allowed."));
  config::ShardConfig settings;
  settings.enable_debug_command = config::LocalOnly::kLocal;
  CommandRunner local(settings);
  EXPECT_EQ(local.Run({"debug", "sleep", "0"}), "+OK\r\n");
}

// The digests are those of redis-server 7.0.15.
TEST(ServerCommandsTest, DebugDigests) {
  config::ShardConfig settings;
  settings.enable_debug_command = config::LocalOnly::kYes;
  CommandRunner runner(settings);
  EXPECT_EQ(runner.Run({"debug", "digest"}), "+" + std::string(40, '0') + "\r\n");
  runner.Run({"set", "str", "12"});
  runner.Run({"rpush", "list", "a", "1"});
  runner.Run({"sadd", "set", "a", "1", "b"});
  runner.Run({"zadd", "zset", "1.1", "a"});
  runner.Run({"hset", "hash", "f", "1", "g", "x"});
  EXPECT_EQ(runner.Run({"debug", "digest"}), "+3d1ad9e2b9ae5fd581343dd9b31e096b5aa1bd64\r\n");
  runner.Run({"set", "volatile", "v", "ex", "1000"});
  EXPECT_EQ(runner.Run({"debug", "digest-value", "str", "list", "set", "zset", "hash", "volatile",
                        "none"}),
            "*7\r\n+655ac46b180ad2f61a3cee25f0b1780fa2ec879a\r\n"
            "+a4b574dfd44a241b7583aa0f4da11ef31ee0b995\r\n"
            "+e8f32bbb1ad9bf537c8867de4f19fec9e001296d\r\n"
            "+0afd0507a38ea3c3ca917a82c82ccea86228cfc8\r\n"
            "+cc9cdbb46c5ff000497e1954a353620ed67a4cb9\r\n"
            "+311b17018163335616e089f6b951c82c477335ac\r\n"
            "+0000000000000000000000000000000000000000\r\n");
}

}  // namespace
}  // namespace slotway::storage
