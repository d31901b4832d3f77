// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/tool_options.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* NoVariable(const char*) { return nullptr; }

runtime::Result<ToolOptions> ParseTool(std::vector<std::string_view> args) {
  return ParseToolOptions(args, NoVariable);
}

TEST(ToolOptionsTest, ReadsNodesAndOptionsInAnyOrder) {
  auto options = ParseTool({"create", "a:1", "--replicas", "2", "b:2", "--wait=5", "[::1]:3"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->action, ToolAction::kCreate);
  EXPECT_THAT(options->nodes, ElementsAre("a:1", "b:2", "[::1]:3"));
  EXPECT_EQ(options->replicas, 2);
  EXPECT_EQ(options->wait_ms, 5000u);
}

TEST(ToolOptionsTest, WeightsBelongToNodes) {
  auto options = ParseTool({"rebalance", "a:1", "--weight", "a:1=0.5", "--weight=b:2=0"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->weights, (std::map<std::string, double>{{"a:1", 0.5}, {"b:2", 0}}));
}

TEST(ToolOptionsTest, ThePasswordMayComeFromTheEnvironment) {
  auto variable = [](const char* name) -> const char* {
    if (std::strcmp(name, "SLOTWAY_PASSWORD") == 0) return "secret";
    return std::strcmp(name, "SLOTWAY_USER") == 0 ? "tool" : nullptr;
  };
  const std::vector<std::string_view> args = {"check", "a:1"};
  auto options = ParseToolOptions(args, variable);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->login.user, "tool");
  EXPECT_EQ(options->login.password, "secret");
  const std::vector<std::string_view> more = {"check", "a:1", "--password", "other"};
  EXPECT_EQ(ParseToolOptions(more, variable)->login.password, "other");
}

TEST(ToolOptionsTest, SaysWhatIsWrong) {
  const std::pair<std::vector<std::string_view>, const char*> cases[] = {
      {{}, "needs one of"},
      {{"grow"}, "needs one of"},
      {{"create"}, "needs a node"},
      {{"add", "a:1"}, "others behind it"},
      {{"create", "a"}, "no HOST:PORT"},
      {{"create", "a:1", "--replicas"}, "needs a value"},
      {{"create", "a:1", "--replicas", "-1"}, "from 0 to"},
      {{"create", "a:1", "--weight", "a:1=1"}, "unknown option '--weight'"},
      {{"check", "a:1", "--tls-cert", "x"}, "need each other"},
      {{"check", "a:1", "--tls-cert", "x", "--tls-key", "y"}, "needs --tls-ca"},
      {{"check", "a:1", "--tls-ca", "/nowhere"}, "No such file"},
      {{"rebalance", "a:1", "--weight", "a:1"}, "NODE=WEIGHT"},
      {{"rebalance", "a:1", "--weight", "a:1=-2"}, "weight from 0"},
      {{"check", "a:1", "--password-file", "/nowhere"}, "cannot be read"},
      {{"check", "a:1", "--wait", "0"}, "seconds"},
      {{"keep", "a:1"}, "needs --nodes N or --statefulset NAME"},
      {{"keep", "a:1", "--nodes", "3", "--statefulset", "x"}, "needs --nodes N or"},
      {{"keep", "a:1", "--nodes", "0"}, "from 1 to"},
      {{"keep", "a:1", "--once=yes", "--nodes", "3"}, "takes no value"},
      {{"leave", "a:1", "--nodes", "3"}, "unknown option"},
      {{"lead", "a:1", "--nodes", "3"}, "unknown option"},
      {{"healthcheck", "a"}, "no HOST:PORT"},
  };
  for (const auto& [args, text] : cases) {
    auto options = ParseTool(args);
    ASSERT_FALSE(options) << text;
    EXPECT_THAT(options.error().text, HasSubstr(text));
  }
}

TEST(ToolOptionsTest, HelpIsNoError) {
  EXPECT_EQ(ParseTool({"--help"})->action, ToolAction::kHelp);
  EXPECT_EQ(ParseTool({"create", "--help"})->action, ToolAction::kHelp);
  EXPECT_THAT(std::string(ToolHelp()), HasSubstr("converge"));
}

TEST(ToolOptionsTest, ReadsWhatTheKeeperIsTold) {
  auto options = ParseTool({"keep", "a:1", "--statefulset", "redis", "--replicas", "1", "--every", "2", "--once"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->statefulset, "redis");
  EXPECT_EQ(options->every_ms, 2000u);
  EXPECT_TRUE(options->is_once);
  EXPECT_TRUE(ParseTool({"healthcheck", "http://127.0.0.1:1/readyz", "--ready"})->wants_ready);
}

TEST(ToolOptionsTest, RemoveTakesIds) {
  const std::string id(40, 'f');
  auto options = ParseTool({"remove", "a:1", id});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->nodes[1], id);
  EXPECT_FALSE(ParseTool({"remove", id, "a:1"}));
}

}  // namespace
}  // namespace slotway::proxy
