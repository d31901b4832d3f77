// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_options.h"

#include <gtest/gtest.h>
#include <vector>

namespace slotway::proxy {
namespace {

runtime::Result<LocalClusterOptions> ParseLocal(std::vector<std::string_view> args) {
  return ParseLocalOptions(args);
}

TEST(LocalOptionsTest, HasDefaults) {
  auto options = ParseLocal({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->shards, 3);
  EXPECT_EQ(options->replicas, 1);
  EXPECT_EQ(options->port, 32200);
  EXPECT_EQ(options->bind, "127.0.0.1");
  EXPECT_TRUE(options->password.empty());
  EXPECT_TRUE(options->dir.empty());
}

TEST(LocalOptionsTest, ReadsBothSpellings) {
  auto options = ParseLocal({"--shards", "5", "--replicas=2", "--port=0", "--bind", "::1",
                             "--password", "a=b", "--dir=/tmp/x", "--workers", "4", "--admin-port",
                             "0", "--base-port", "7000", "--shard-program", "/bin/x"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->shards, 5);
  EXPECT_EQ(options->replicas, 2);
  EXPECT_EQ(options->port, 0);
  EXPECT_EQ(options->bind, "::1");
  EXPECT_EQ(options->password, "a=b");
  EXPECT_EQ(options->dir, "/tmp/x");
  EXPECT_EQ(options->workers, 4u);
  EXPECT_EQ(options->admin_port, 0);
  EXPECT_EQ(options->base_port, 7000);
  EXPECT_EQ(options->shard_program, "/bin/x");
}

TEST(LocalOptionsTest, HelpWins) {
  EXPECT_TRUE(ParseLocal({"--shards", "2", "--help"})->wants_help);
  EXPECT_NE(LocalHelp().find("--replicas"), std::string_view::npos);
}

TEST(LocalOptionsTest, SaysWhatIsWrong) {
  const struct {
    std::vector<std::string_view> args;
    std::string error;
  } rows[] = {
      {{"--shards", "0"}, "--shards needs a number from 1 to 256, not '0'"},
      {{"--shards", "x"}, "--shards needs a number from 1 to 256, not 'x'"},
      {{"--shards", "3x"}, "--shards needs a number from 1 to 256, not '3x'"},
      {{"--shards="}, "--shards needs a number from 1 to 256, not ''"},
      {{"--replicas", "-1"}, "--replicas needs a number from 0 to 256, not '-1'"},
      {{"--port", "65536"}, "--port needs a number from 0 to 65535, not '65536'"},
      {{"--port"}, "--port needs a value"},
      {{"--password="}, "--password needs a value"},
      {{"--bind", "localhost"},
       "--bind needs a numeric address such as 127.0.0.1 or 0.0.0.0, not 'localhost'"},
      {{"--password-file", "/no/such/file"}, "--password-file cannot be read: '/no/such/file'"},
      {{"--foo"}, "unknown option '--foo': see slotway local --help"},
      {{"start"}, "unknown option 'start': see slotway local --help"},
      {{"--shards", "200", "--replicas", "1"},
       "--shards and --replicas make 400 processes; at most 256 are allowed"},
      {{"--port", "32280"}, "--port and --admin-port are the same"},
  };
  for (const auto& row : rows) {
    auto options = ParseLocal(row.args);
    ASSERT_FALSE(options) << row.error;
    EXPECT_EQ(options.error().text, row.error);
  }
}

}  // namespace
}  // namespace slotway::proxy
