// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_layout.h"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

#include "config/shard_settings.h"
#include "protocol/topology.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

std::vector<LocalNode> LayOut(int shards, int replicas) {
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < shards * (1 + replicas); ++i) {
    ports.push_back(static_cast<std::uint16_t>(7001 + i));
  }
  return LayOutCluster(shards, replicas, ports, runtime::FillWithEntropy);
}

protocol::Topology Parse(std::string text) {
  text.resize(text.rfind("vars "));
  auto topology = protocol::ParseClusterNodes(text, {"127.0.0.1", 0});
  EXPECT_TRUE(topology) << topology.error();
  return topology.value_or(protocol::Topology());
}

TEST(LocalLayoutTest, SharesSlotsAsRedisCliDoes) {
  std::vector<LocalNode> nodes = LayOut(3, 1);
  ASSERT_EQ(nodes.size(), 6u);
  EXPECT_EQ(nodes[0].slots, "0-5460");
  EXPECT_EQ(nodes[1].slots, "5461-10922");
  EXPECT_EQ(nodes[2].slots, "10923-16383");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(nodes[static_cast<std::size_t>(3 + i)].master, i);
}

TEST(LocalLayoutTest, EveryNodeSeesAllSlotsCoveredEvenly) {
  for (int shards : {1, 2, 3, 5, 7, 100, 256}) {
    SCOPED_TRACE(shards);
    std::vector<LocalNode> nodes = LayOut(shards, shards < 10 ? 2 : 0);
    protocol::Topology topology = Parse(NodesConfText(nodes, nodes.size() - 1));
    EXPECT_EQ(topology.nodes.size(), nodes.size());
    EXPECT_TRUE(topology.CoversAllSlots());
    EXPECT_TRUE(topology.nodes.back().is_asked);
    std::vector<int> counts(nodes.size());
    for (std::uint16_t owner : topology.owner_of_slot) ++counts.at(owner);
    auto [least, most] = std::minmax_element(counts.begin(), counts.begin() + shards);
    EXPECT_LE(*most - *least, 1);
  }
}

TEST(LocalLayoutTest, WritesNodesConf) {
  const std::string a(40, 'a'), b(40, 'b');
  std::vector<LocalNode> nodes = {{a, 7001, -1, "0-16383"}, {b, 7002, 0, ""}};
  EXPECT_EQ(NodesConfText(nodes, 1),
            a + " 127.0.0.1:7001@17001 master - 0 0 1 connected 0-16383\n" + b +
                " 127.0.0.1:7002@17002 myself,slave " + a + " 0 0 1 connected\n" +
                "vars currentEpoch 1 lastVoteEpoch 0\n");
}

TEST(LocalLayoutTest, ReadsBackWhatItWrote) {
  std::vector<LocalNode> nodes = LayOut(2, 2);
  nodes[0].slots = "0-99 200 300-8191";
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < nodes.size(); ++i) texts.push_back(NodesConfText(nodes, i));
  auto read = ReadLayout(texts);
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_EQ((*read)[i].id, nodes[i].id);
    EXPECT_EQ((*read)[i].port, nodes[i].port);
    EXPECT_EQ((*read)[i].master, nodes[i].master);
    EXPECT_EQ((*read)[i].slots, nodes[i].slots);
  }
}

TEST(LocalLayoutTest, RefusesFilesThatDoNotFit) {
  std::vector<LocalNode> nodes = LayOut(1, 1);
  std::string replica = NodesConfText(nodes, 1);
  EXPECT_FALSE(ReadLayout(std::vector<std::string>{"garbage"}));
  EXPECT_EQ(ReadLayout(std::vector<std::string>{replica}).error().text,
            "the master of node 1 is not in this folder");
  replica.replace(replica.find("myself,"), 7, "");
  EXPECT_EQ(ReadLayout(std::vector<std::string>{replica}).error().text,
            "nodes.conf of node 1 does not say which node it is of");
}

TEST(LocalLayoutTest, TheShardReadsItsSettings) {
  const std::string password = "a \"quoted\" \\ 'word' #\t\x01\xff";
  const LocalNode node{.id = {}, .port = 7005, .master = -1, .slots = {}};
  config::ShardSettings settings;
  std::string folder = std::filesystem::temp_directory_path().string();
  auto problem = settings.ApplyRedisConf(ShardConfText(node, folder, password), "shard.conf");
  ASSERT_FALSE(problem) << problem->Render();
  EXPECT_EQ(settings.values().requirepass, password);
  EXPECT_EQ(settings.values().masterauth, password);
  EXPECT_EQ(settings.values().port, 7005);
  EXPECT_EQ(settings.values().dir, folder);
  EXPECT_TRUE(settings.values().cluster_enabled);
  EXPECT_EQ(settings.values().bind, std::vector<std::string>{"127.0.0.1"});
}

TEST(LocalLayoutTest, MakesPasswordsOfLettersAndDigits) {
  std::string password = MakePassword(24, runtime::FillWithEntropy);
  EXPECT_EQ(password.size(), 24u);
  for (char c : password) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << c;
  EXPECT_NE(password, MakePassword(24, runtime::FillWithEntropy));
}

}  // namespace
}  // namespace slotway::proxy
