// SPDX-License-Identifier: Apache-2.0
#include "protocol/topology.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace slotway::protocol {
namespace {

const Endpoint kAsked{"10.0.0.9", 7000};

std::string Id(char c) { return std::string(40, c); }

std::string NodeLine(char id, const std::string& address, const std::string& flags, char master,
                     int epoch, const std::string& rest = "connected") {
  return Id(id) + " " + address + " " + flags + " " +
         (master == '-' ? std::string("-") : Id(master)) + " 0 1426238317239 " +
         std::to_string(epoch) + " " + rest + "\n";
}

Topology Parse(const std::string& text) {
  auto topology = ParseClusterNodes(text, kAsked);
  EXPECT_TRUE(topology.has_value()) << topology.error();
  return topology ? *topology : Topology();
}

const ClusterNode* Find(const Topology& topology, char id) {
  for (const ClusterNode& node : topology.nodes) {
    if (node.id == Id(id)) return &node;
  }
  return nullptr;
}

char OwnerOf(const Topology& topology, int slot) {
  const ClusterNode* owner = topology.OwnerOf(Slot(slot));
  return owner == nullptr ? '-' : owner->id[0];
}

TEST(Topology, ReadsAWholeCluster) {
  const Topology topology = Parse(
      NodeLine('a', "127.0.0.1:30001@31001", "myself,master", '-', 1, "connected 0-5460") +
      NodeLine('b', "127.0.0.1:30002@31002", "master", '-', 2, "connected 5461-10922") +
      NodeLine('c', "127.0.0.1:30003@31003", "master,fail?", '-', 3, "disconnected 10923-16383") +
      NodeLine('d', "127.0.0.1:30004@31004", "slave", 'a', 1) +
      NodeLine('e', "127.0.0.1:30005@31005", "slave,fail", 'b', 2, "disconnected"));
  ASSERT_EQ(topology.nodes.size(), 5u);
  EXPECT_TRUE(topology.CoversAllSlots());
  EXPECT_EQ(OwnerOf(topology, 0), 'a');
  EXPECT_EQ(OwnerOf(topology, 5460), 'a');
  EXPECT_EQ(OwnerOf(topology, 5461), 'b');
  EXPECT_EQ(OwnerOf(topology, 16383), 'c');
  const ClusterNode& c = *Find(topology, 'c');
  EXPECT_EQ(c.endpoint, (Endpoint{"127.0.0.1", 30003}));
  EXPECT_EQ(c.bus_port, 31003);
  EXPECT_EQ(c.config_epoch, 3u);
  EXPECT_TRUE(c.is_master && c.is_suspected && !c.is_failing && !c.is_link_up);
  const ClusterNode& e = *Find(topology, 'e');
  EXPECT_TRUE(!e.is_master && e.is_failing && !e.is_suspected);
  EXPECT_EQ(e.master_id, Id('b'));
  EXPECT_TRUE(Find(topology, 'a')->is_asked);
  EXPECT_FALSE(e.is_asked);
}

TEST(Topology, ReadsAddressesOfAllVersions) {
  struct Case {
    std::string address;
    Endpoint endpoint;
    std::string hostname = "";
    int bus_port = 0;
  };
  const Case cases[] = {
      {"10.0.0.1:6379", {"10.0.0.1", 6379}},
      {"10.0.0.1:6379@16379", {"10.0.0.1", 6379}, "", 16379},
      {"10.0.0.1:6379@16379,", {"10.0.0.1", 6379}, "", 16379},
      {"10.0.0.1:6379@16379,redis-0.redis", {"10.0.0.1", 6379}, "redis-0.redis", 16379},
      {"10.0.0.1:6379@16379,h,shard-id=0123,nodename=x", {"10.0.0.1", 6379}, "h", 16379},
      {"10.0.0.1:6379@16379,,tls-port=0,shard-id=0123", {"10.0.0.1", 6379}, "", 16379},
      {"fd00::1:6379@16379", {"fd00::1", 6379}, "", 16379},
      {"::1:6379@16379,h", {"::1", 6379}, "h", 16379},
      {"[::1]:6379@16379", {"::1", 6379}, "", 16379},
      {"redis-0.redis:6379@16379", {"redis-0.redis", 6379}, "", 16379},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.address);
    const Topology topology = Parse(NodeLine('a', test.address, "master", '-', 1));
    ASSERT_EQ(topology.nodes.size(), 1u);
    EXPECT_EQ(topology.nodes[0].endpoint, test.endpoint);
    EXPECT_EQ(topology.nodes[0].hostname, test.hostname);
    EXPECT_EQ(topology.nodes[0].bus_port, test.bus_port);
  }
}

TEST(Topology, AskedStandsInForAnEmptyAddressOfTheNodeItself) {
  const std::pair<std::string, Endpoint> cases[] = {
      {":7777@17777", {"10.0.0.9", 7777}},
      {":0@0", kAsked},
      {":7777@17777,h.example", {"10.0.0.9", 7777}},
  };
  for (const auto& [address, endpoint] : cases) {
    const Topology topology = Parse(NodeLine('a', address, "myself,master", '-', 1));
    ASSERT_EQ(topology.nodes.size(), 1u) << address;
    EXPECT_EQ(topology.nodes[0].endpoint, endpoint) << address;
  }
}

TEST(Topology, LeavesOutNodesThatCannotBeReached) {
  const Topology topology =
      Parse(NodeLine('a', "10.0.0.1:1@2", "myself,master", '-', 1, "connected 0-9") +
            NodeLine('b', ":0@0", "master,noaddr", '-', 2, "disconnected 10-19") +
            NodeLine('c', "10.0.0.3:1@2", "handshake", '-', 0) +
            NodeLine('d', ":1@2", "master", '-', 4, "connected 20"));
  ASSERT_EQ(topology.nodes.size(), 1u);
  EXPECT_EQ(OwnerOf(topology, 9), 'a');
  EXPECT_EQ(OwnerOf(topology, 10), '-');
  EXPECT_EQ(OwnerOf(topology, 20), '-');
}

TEST(Topology, SlotsOnTheMoveStayWithTheirOwner) {
  const Topology topology =
      Parse(NodeLine('a', "10.0.0.1:1@2", "myself,master", '-', 1,
                     "connected 5 7-8 93 [93->-" + Id('b') + "] [94-<-" + Id('b') + "]"));
  for (int slot : {5, 7, 8, 93}) EXPECT_EQ(OwnerOf(topology, slot), 'a') << slot;
  for (int slot : {4, 6, 9, 94}) EXPECT_EQ(OwnerOf(topology, slot), '-') << slot;
}

TEST(Topology, AcceptsLineEndsOfEitherKind) {
  std::string text = NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 5");
  text.back() = '\r';
  EXPECT_EQ(Parse("\n" + text + "\n\r\n").nodes.size(), 1u);
  text.pop_back();
  EXPECT_EQ(Parse(text).nodes.size(), 1u);
}

TEST(Topology, RefusesWhatIsNoClusterNodes) {
  const std::string good = NodeLine('a', "10.0.0.1:1@2", "master", '-', 1);
  const std::string texts[] = {
      "",
      "ERR unknown command",
      "x",
      good + good,
      "a" + good,
      NodeLine('g', "10.0.0.1:1@2", "master", '-', 1),
      NodeLine('a', "10.0.0.1", "master", '-', 1),
      NodeLine('a', "10.0.0.1:65536@2", "master", '-', 1),
      NodeLine('a', "10.0.0.1:1@70000", "master", '-', 1),
      NodeLine('a', "10.0.0.1:1@2,h\001", "master", '-', 1),
      NodeLine('a', std::string(300, 'h') + ":1@2", "master", '-', 1),
      NodeLine('a', "10.0.0.1:1@2", "slave", 'x', 1),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', -1),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "linked"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 16384"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 5-4"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 5-"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected x"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 1-2-3"),
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 1-5 5"),
  };
  for (const std::string& text : texts) {
    EXPECT_FALSE(ParseClusterNodes(text, kAsked).has_value()) << text;
  }
}

// Every order of the views gives the same.
Topology Merge(std::vector<Topology> views) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < views.size(); ++i) order.push_back(i);
  const Topology merged = MergeTopologies(views);
  while (std::next_permutation(order.begin(), order.end())) {
    std::vector<Topology> shuffled;
    for (std::size_t i : order) shuffled.push_back(views[i]);
    const Topology other = MergeTopologies(shuffled);
    EXPECT_EQ(other.owner_of_slot, merged.owner_of_slot);
    EXPECT_TRUE(other.RoutesLike(merged));
    EXPECT_EQ(other.nodes.size(), merged.nodes.size());
  }
  return merged;
}

TEST(Topology, MergeGivesEachSlotToTheHighestEpoch) {
  const Topology before =
      Parse(NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 0-99") +
            NodeLine('b', "10.0.0.2:1@2", "myself,slave", 'a', 1) +
            NodeLine('c', "10.0.0.3:1@2", "master", '-', 3, "connected 100-199"));
  const Topology after =
      Parse(NodeLine('a', "10.0.0.1:1@2", "slave,fail", 'b', 4, "disconnected") +
            NodeLine('b', "10.0.0.2:1@2", "master", '-', 4, "connected 0-99") +
            NodeLine('c', "10.0.0.3:1@2", "myself,master", '-', 3, "connected 100-199"));
  const Topology partial =
      Parse(NodeLine('d', "10.0.0.4:1@2", "myself,master", '-', 2, "connected 100-250"));
  const Topology merged = Merge({before, after, partial});
  EXPECT_EQ(OwnerOf(merged, 0), 'b');
  EXPECT_EQ(OwnerOf(merged, 150), 'c');
  EXPECT_EQ(OwnerOf(merged, 250), 'd');
  EXPECT_EQ(OwnerOf(merged, 251), '-');
  ASSERT_EQ(merged.nodes.size(), 4u);
  EXPECT_FALSE(Find(merged, 'a')->is_master);
  EXPECT_TRUE(Find(merged, 'a')->is_failing);
  EXPECT_EQ(Find(merged, 'a')->master_id, Id('b'));
  EXPECT_TRUE(
      std::is_sorted(merged.nodes.begin(), merged.nodes.end(),
                     [](const ClusterNode& x, const ClusterNode& y) { return x.id < y.id; }));
}

TEST(Topology, MergeBreaksTiesByTheSmallerId) {
  const Topology merged =
      Merge({Parse(NodeLine('b', "10.0.0.2:1@2", "myself,master", '-', 1, "connected 5")),
             Parse(NodeLine('a', "10.0.0.1:1@2", "myself,master", '-', 1, "connected 5"))});
  EXPECT_EQ(OwnerOf(merged, 5), 'a');
}

TEST(Topology, MergeBelievesANodeAboutItself) {
  const Topology merged =
      Merge({Parse(NodeLine('a', "10.0.0.1:1@2", "slave,fail?", 'b', 9, "disconnected")),
             Parse(NodeLine('a', "10.0.0.77:1@2", "myself,slave", 'c', 3)),
             Parse(NodeLine('a', "10.0.0.1:1@2", "slave", 'b', 8))});
  ASSERT_EQ(merged.nodes.size(), 1u);
  EXPECT_EQ(merged.nodes[0].endpoint.host, "10.0.0.77");
  EXPECT_EQ(merged.nodes[0].master_id, Id('c'));
  EXPECT_TRUE(merged.nodes[0].is_suspected);
  EXPECT_TRUE(merged.nodes[0].is_link_up);
}

TEST(Topology, MergeLeavesOutWhomTheOthersForgot) {
  const std::string a = NodeLine('a', "10.0.0.1:1@2", "myself,master", '-', 3, "connected 0-99");
  const std::string a_of_others = NodeLine('a', "10.0.0.1:1@2", "master", '-', 3, "connected 0-99");
  const std::string b = NodeLine('b', "10.0.0.2:1@2", "myself,slave", 'a', 3);
  const std::string b_of_others = NodeLine('b', "10.0.0.2:1@2", "slave", 'a', 3);
  const Topology forgotten =
      Parse(a_of_others + b_of_others + NodeLine('c', "10.0.0.3:1@2", "myself,slave", 'a', 3));
  const Topology merged = Merge({Parse(a + b_of_others), Parse(a_of_others + b), forgotten});
  EXPECT_EQ(merged.nodes.size(), 2u);
  EXPECT_EQ(Find(merged, 'c'), nullptr);
  // Alone it is all we know; and whoever owns slots is needed.
  EXPECT_EQ(Merge({forgotten}).nodes.size(), 3u);
  const Topology owner =
      Parse(a_of_others + NodeLine('c', "10.0.0.3:1@2", "myself,master", '-', 1, "connected 200"));
  EXPECT_EQ(OwnerOf(Merge({Parse(a), owner}), 200), 'c');
}

TEST(Topology, MergeOfNothingIsEmpty) {
  EXPECT_TRUE(MergeTopologies({}).nodes.empty());
  EXPECT_FALSE(MergeTopologies({}).CoversAllSlots());
}

TEST(Topology, RoutesLikeComparesOwnersAndReplicas) {
  const std::string master = NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 0-99");
  const std::string replica = NodeLine('b', "10.0.0.2:1@2", "slave", 'a', 1);
  const Topology base = Parse(master + replica);
  EXPECT_TRUE(base.RoutesLike(Parse(replica + master)));
  EXPECT_TRUE(base.RoutesLike(
      Parse(NodeLine('a', "10.0.0.1:1@2", "master", '-', 7, "connected 0-99") + replica)));
  const std::string others[] = {
      master,
      NodeLine('a', "10.0.0.1:9@2", "master", '-', 1, "connected 0-99") + replica,
      NodeLine('a', "10.0.0.1:1@2", "master", '-', 1, "connected 0-98") + replica,
      NodeLine('a', "10.0.0.1:1@2", "master,fail", '-', 1, "connected 0-99") + replica,
      master + NodeLine('b', "10.0.0.3:1@2", "slave", 'a', 1),
      master + NodeLine('b', "10.0.0.2:1@2", "slave", 'c', 1),
      master + NodeLine('b', "10.0.0.2:1@2", "slave,fail", 'a', 1),
  };
  for (const std::string& other : others) {
    EXPECT_FALSE(base.RoutesLike(Parse(other))) << other;
  }
}

TEST(Topology, ParsesEndpoints) {
  EXPECT_EQ(*ParseEndpoint("10.0.0.1:6379"), (Endpoint{"10.0.0.1", 6379}));
  EXPECT_EQ(*ParseEndpoint("fd00::1:6379"), (Endpoint{"fd00::1", 6379}));
  EXPECT_EQ(*ParseEndpoint("[fd00::1]:6379"), (Endpoint{"fd00::1", 6379}));
  EXPECT_EQ(*ParseEndpoint("redis.svc:1"), (Endpoint{"redis.svc", 1}));
  for (std::string_view text : {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "a b:1",
                                "a:1 ", "[]:1", "[a:1"}) {
    EXPECT_FALSE(ParseEndpoint(text).has_value()) << text;
  }
}

TEST(Topology, ParsesRedirects) {
  struct Case {
    std::string_view error;
    Redirect::Kind kind;
    int slot;
    Endpoint endpoint;
  };
  const Case cases[] = {
      {"MOVED 3999 127.0.0.1:6381", Redirect::Kind::kMoved, 3999, {"127.0.0.1", 6381}},
      {"ASK 16383 fd00::1:6381", Redirect::Kind::kAsk, 16383, {"fd00::1", 6381}},
      {"MOVED 0 redis-1.redis:6381", Redirect::Kind::kMoved, 0, {"redis-1.redis", 6381}},
      {"MOVED 1 :6381", Redirect::Kind::kMoved, 1, {"10.0.0.9", 6381}},
      {"MOVED 1 ?:6381", Redirect::Kind::kMoved, 1, {"10.0.0.9", 6381}},
  };
  for (const Case& test : cases) {
    Redirect redirect{};
    ASSERT_TRUE(ParseRedirect(test.error, kAsked, redirect)) << test.error;
    EXPECT_EQ(redirect.kind, test.kind);
    EXPECT_EQ(ToInt(redirect.slot), test.slot);
    EXPECT_EQ(redirect.endpoint, test.endpoint);
  }
  for (std::string_view error :
       {"", "MOVED", "MOVED 1", "MOVED 1 ", "MOVED 1 a", "MOVED 16384 a:1", "MOVED x a:1",
        "MOVED -1 a:1", "MOVED 1 a:1 b", "MOVED  1 a:1", "moved 1 a:1", "ASKING 1 a:1",
        "ERR MOVED 1 a:1", "MOVED 1 a:0", "MOVED 1 a:99999"}) {
    Redirect redirect{};
    EXPECT_FALSE(ParseRedirect(error, kAsked, redirect)) << error;
  }
}

}  // namespace
}  // namespace slotway::protocol
