// SPDX-License-Identifier: Apache-2.0
// Replies and error texts were taken from redis-server 7.0.15 in the same situation.
#include "storage/cluster/cluster_command.h"

#include <gtest/gtest.h>

#include "storage/cluster/bus_fixture.h"
#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

using protocol::RespVersion;
using protocol::Slot;

BusSettings WithoutLease() {
  BusSettings settings;
  settings.lease_ms = 0;
  return settings;
}

// A node to send CLUSTER commands to: Run({"myid"}).
class TestNode {
 public:
  explicit TestNode(ClusterState initial)
      : state(std::move(initial)), context{.state = state}, bus(state, host, host, WithoutLease()) {
    context.bus = &bus;
    for (std::size_t i = 0; i < state.Nodes().size(); ++i) state.SetLink(NodeIndex(i), true);
    context.queued_bytes = [](LinkId) { return std::size_t{0}; };
    context.count_keys = [this](Slot slot) { return keys.count(slot); };
    context.get_keys = [this](Slot slot, std::size_t max, std::vector<std::string>& out) {
      auto [begin, end] = keys.equal_range(slot);
      for (; begin != end && out.size() < max; ++begin) out.push_back(begin->second);
    };
    context.count_all_keys = [this] { return keys.size(); };
    context.save = [this] { ++saves; };
    context.save_now = [this] { return save_problem; };
    context.random_bytes = [] { return std::array<std::uint8_t, 20>{0x99}; };
  }

  std::string Run(std::vector<std::string_view> args, RespVersion version = RespVersion::kResp2) {
    args.insert(args.begin(), "CLUSTER");
    std::string reply;
    protocol::StringSink sink{reply};
    ReplyWriter writer(sink, version);
    RunClusterCommand(context, args, writer);
    return reply;
  }

  ClusterState state;
  ClusterCommandContext context;
  QuietHost host;
  ClusterBus bus;
  std::multimap<Slot, std::string> keys;
  std::string save_problem;
  int saves = 0;
};

TEST(ClusterCommandTest, WhoGivesItsLastSlotAwayFollowsTheNewOwner) {
  for (const bool may_migrate : {true, false}) {
    TestNode node(ThreeShards(0));
    BusSettings settings = WithoutLease();
    settings.allows_replica_migration = may_migrate;
    node.bus.SetSettings(settings);
    EXPECT_EQ(node.Run({"delslotsrange", "1", "5460"}), "+OK\r\n");
    EXPECT_EQ(node.Run({"setslot", "0", "node", TestId(1)}), "+OK\r\n");
    EXPECT_EQ(node.state.Myself().IsReplica(), may_migrate);
    if (may_migrate) {
      EXPECT_EQ(node.state.Myself().master, NodeIndex(1));
    }
  }
}

TEST(ClusterCommandTest, AnswersErrorsAsRedisDoes) {
  const std::string b = TestId(1), d = TestId(3);
  const std::string unknown(40, '7');
  const struct {
    std::vector<std::string_view> args;
    std::string reply;
  } rows[] = {
      {{"addslots", "1", "1"}, "-ERR Slot 1 is already busy"},
      {{"addslots", "99999"}, "-ERR Invalid or out of range slot"},
      {{"addslots", "x"}, "-ERR Invalid or out of range slot"},
      {{"addslots", "0x1"}, "-ERR Invalid or out of range slot"},
      {{"addslots", "01"}, "-ERR Invalid or out of range slot"},
      {{"addslots"}, "-ERR wrong number of arguments for 'cluster|addslots' command"},
      {{"addslotsrange", "1"},
       "-ERR wrong number of arguments for 'cluster|addslotsrange' command"},
      {{"addslotsrange", "1", "2", "3"},
       "-ERR wrong number of arguments for 'cluster|addslotsrange' command"},
      {{"addslotsrange", "5", "1"}, "-ERR start slot number 5 is greater than end slot number 1"},
      {{"delslots", "3", "3"}, "-ERR Slot 3 specified multiple times"},
      {{"delslotsrange", "1", "2", "2", "3"}, "-ERR Slot 2 specified multiple times"},
      {{"setslot", "1"}, "-ERR wrong number of arguments for 'cluster|setslot' command"},
      {{"setslot", "99999", "stable"}, "-ERR Invalid or out of range slot"},
      {{"setslot", "1", "foo"},
       "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"},
      {{"setslot", "1", "stable", "x"},
       "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"},
      {{"setslot", "6000", "migrating", b}, "-ERR I'm not the owner of hash slot 6000"},
      {{"setslot", "1", "migrating", "foo"}, "-ERR I don't know about node foo"},
      {{"setslot", "1", "migrating", d}, "-ERR Target node is not a master"},
      {{"setslot", "1", "importing", b}, "-ERR I'm already the owner of hash slot 1"},
      {{"setslot", "6000", "importing", unknown}, "-ERR I don't know about node " + unknown},
      {{"setslot", "1", "node", "foo"}, "-ERR Unknown node foo"},
      {{"set-config-epoch", "1"},
       "-ERR The user can assign a config epoch only when the node does not know any other node."},
      {{"set-config-epoch", "-1"}, "-ERR Invalid config epoch specified: -1"},
      {{"set-config-epoch", "x"}, "-ERR value is not an integer or out of range"},
      {{"count-failure-reports", "foo"}, "-ERR Unknown node foo"},
      {{"count-failure-reports", b}, ":0"},
      {{"replicas", "foo"}, "-ERR Unknown node foo"},
      {{"replicas", d}, "-ERR The specified node is not a master"},
      {{"countkeysinslot", "99999"}, "-ERR Invalid slot"},
      {{"countkeysinslot", "x"}, "-ERR value is not an integer or out of range"},
      {{"getkeysinslot", "1", "-1"}, "-ERR Invalid slot or number of keys"},
      {{"getkeysinslot", "99999", "1"}, "-ERR Invalid slot or number of keys"},
      {{"getkeysinslot", "x", "1"}, "-ERR value is not an integer or out of range"},
      {{"keyslot", "foo"}, ":12182"},
      {{"keyslot", "{foo}bar"}, ":12182"},
      {{"links"}, "*0"},
      {{"nosuch"}, "-ERR unknown subcommand 'nosuch'. Try CLUSTER HELP."},
      {{}, "-ERR wrong number of arguments for 'cluster' command"},
      {{"reset", "foo"}, "-ERR syntax error"},
  };
  TestNode node(ThreeShards(0));
  for (const auto& row : rows) {
    SCOPED_TRACE(row.args.empty() ? "" : std::string(row.args[0]));
    EXPECT_EQ(node.Run(row.args), row.reply + "\r\n");
  }
  EXPECT_EQ(node.saves, 0);
}

TEST(ClusterCommandTest, AnswersErrorsOfTheBusAsRedisDoes) {
  const std::string a = TestId(0), b = TestId(1), d = TestId(3), unknown(40, '7');
  const struct {
    std::vector<std::string_view> args;
    std::string reply;
  } rows[] = {
      {{"Forget", "foo"}, "-ERR Unknown node foo"},
      {{"forget", a}, "-ERR I tried hard but I can't forget myself..."},
      {{"replicate", unknown}, "-ERR Unknown node " + unknown},
      {{"replicate", a}, "-ERR Can't replicate myself"},
      {{"replicate", d}, "-ERR I can only replicate a master, not a replica."},
      {{"replicate", b}, "-ERR To set a master the node must be empty and without assigned slots."},
      {{"failover"}, "-ERR You should send CLUSTER FAILOVER to a replica"},
      {{"failover", "foo"}, "-ERR syntax error"},
      {{"meet", "127.0.0.1"}, "-ERR wrong number of arguments for 'cluster|meet' command"},
      {{"meet", "foo", "7000"}, "-ERR Invalid node address specified: foo:7000"},
      {{"meet", "127.0.0.1", "x"}, "-ERR Invalid TCP base port specified: x"},
      {{"meet", "127.0.0.1", "7000", "x"}, "-ERR Invalid TCP bus port specified: x"},
      {{"meet", "127.0.0.1", "60000"}, "-ERR Invalid node address specified: 127.0.0.1:60000"},
  };
  TestNode node(ThreeShards(0));
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.args[0]));
    EXPECT_EQ(node.Run(row.args), row.reply + "\r\n");
  }
  EXPECT_EQ(node.saves, 0);
}

TEST(ClusterCommandTest, TakesAndGivesUpSlots) {
  TestNode node(ThreeShards(0));
  EXPECT_EQ(node.Run({"delslotsrange", "0", "99", "200", "200"}), "+OK\r\n");
  EXPECT_EQ(node.Run({"delslots", "150", "16383"}), "+OK\r\n");
  EXPECT_EQ(node.state.Myself().slot_count, 5461u - 102);
  EXPECT_EQ(node.state.OwnerOf(Slot(16383)), kNoNode);
  node.state.SetImporting(Slot(5), NodeIndex{1});
  EXPECT_EQ(node.Run({"addslotsrange", "0", "9"}), "+OK\r\n");
  EXPECT_EQ(node.Run({"addslots", "150", "16383"}), "+OK\r\n");
  EXPECT_TRUE(node.state.IsMine(Slot(16383)));
  EXPECT_EQ(node.state.ImportingFrom(Slot(5)), kNoNode);
  EXPECT_EQ(node.saves, 4);
  EXPECT_EQ(node.Run({"flushslots"}), "+OK\r\n");
  EXPECT_EQ(node.state.Myself().slot_count, 0u);
  node.keys.emplace(Slot(1), "k");
  EXPECT_EQ(node.Run({"flushslots"}), "-ERR DB must be empty to perform CLUSTER FLUSHSLOTS.\r\n");
}

TEST(ClusterCommandTest, MovesASlotAway) {
  TestNode node(ThreeShards(0));
  node.keys.emplace(Slot(7), "key");
  EXPECT_EQ(node.Run({"setslot", "7", "MIGRATING", TestId(1)}), "+OK\r\n");
  EXPECT_EQ(node.state.MigratingTo(Slot(7)), NodeIndex{1});
  EXPECT_EQ(node.Run({"setslot", "7", "node", TestId(1)}),
            "-ERR Can't assign hashslot 7 to a different node while I still hold keys for this "
            "hash slot.\r\n");
  node.keys.clear();
  EXPECT_EQ(node.Run({"setslot", "7", "node", TestId(1)}), "+OK\r\n");
  EXPECT_EQ(node.state.OwnerOf(Slot(7)), NodeIndex{1});
  EXPECT_EQ(node.state.MigratingTo(Slot(7)), kNoNode);
}

TEST(ClusterCommandTest, ASlotThatArrivesGetsANewEpoch) {
  TestNode node(ThreeShards(0));
  EXPECT_EQ(node.Run({"setslot", "6000", "importing", TestId(1)}), "+OK\r\n");
  EXPECT_EQ(node.Run({"setslot", "6000", "node", TestId(0)}), "+OK\r\n");
  EXPECT_TRUE(node.state.ServesDirectly(Slot(6000)));
  EXPECT_EQ(node.state.Myself().config_epoch, Epoch(4));
  EXPECT_EQ(node.Run({"bumpepoch"}), "+STILL 4\r\n");
  EXPECT_EQ(node.Run({"setslot", "6001", "importing", TestId(1)}), "+OK\r\n");
  EXPECT_EQ(node.Run({"setslot", "6001", "stable"}), "+OK\r\n");
  EXPECT_EQ(node.state.ImportingFrom(Slot(6001)), kNoNode);
}

TEST(ClusterCommandTest, AReplicaDoesNotMoveSlots) {
  TestNode node(ThreeShards(3));
  EXPECT_EQ(node.Run({"setslot", "7", "stable"}), "-ERR Please use SETSLOT only with masters.\r\n");
}

TEST(ClusterCommandTest, ShowsKeysOfASlot) {
  TestNode node(ThreeShards(0));
  node.keys.emplace(Slot(7), "one");
  node.keys.emplace(Slot(7), "two");
  EXPECT_EQ(node.Run({"countkeysinslot", "7"}), ":2\r\n");
  EXPECT_EQ(node.Run({"getkeysinslot", "7", "1"}), "*1\r\n$3\r\none\r\n");
  EXPECT_EQ(node.Run({"getkeysinslot", "7", "9"}), "*2\r\n$3\r\none\r\n$3\r\ntwo\r\n");
}

TEST(ClusterCommandTest, ResetLeavesALoneMaster) {
  TestNode node(ThreeShards(3));
  EXPECT_EQ(node.Run({"reset"}), "+OK\r\n");
  EXPECT_EQ(node.state.Nodes().size(), 1u);
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_EQ(node.state.Myself().id.Text(), TestId(3));
  EXPECT_EQ(node.Run({"set-config-epoch", "9"}), "+OK\r\n");
  EXPECT_EQ(node.state.CurrentEpoch(), Epoch(9));
  EXPECT_EQ(node.Run({"set-config-epoch", "9"}), "-ERR Node config epoch is already non-zero\r\n");
  EXPECT_EQ(node.Run({"RESET", "HARD"}), "+OK\r\n");
  EXPECT_EQ(node.state.Myself().id.Text(), "99" + std::string(38, '0'));
  EXPECT_EQ(node.state.CurrentEpoch(), Epoch(0));
  node.keys.emplace(Slot(7), "one");
  EXPECT_EQ(node.Run({"reset"}),
            "-ERR CLUSTER RESET can't be called with master nodes containing keys\r\n");
}

TEST(ClusterCommandTest, AFailedSaveIsNotConfirmed) {
  TestNode node(ThreeShards(0));
  node.save_problem = "No space left on device";
  EXPECT_EQ(node.Run({"saveconfig"}),
            "-ERR error saving the cluster node config: No space left on device\r\n");
}

// ---- What describes the cluster

std::string Bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

TEST(ClusterRepliesTest, Myid) {
  TestNode node(ThreeShards(3));
  EXPECT_EQ(node.Run({"myid"}), Bulk(TestId(3)));
  EXPECT_EQ(node.Run({"myshardid"}), Bulk(TestId(0)));
}

TEST(ClusterRepliesTest, Nodes) {
  TestNode node(ThreeShards(0));
  node.state.SetMigrating(Slot(7), NodeIndex{1});
  node.state.SetHostname(NodeIndex{1}, "b.example");
  std::string text =
      TestId(0) + " 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460 [7->-" + TestId(1) +
      "]\n" + TestId(1) + " 127.0.0.1:7002@17002,b.example master - 0 0 2 connected 5461-10922\n" +
      TestId(2) + " 127.0.0.1:7003@17003 master - 0 0 3 connected 10923-16383\n" + TestId(3) +
      " 127.0.0.1:7004@17004 slave " + TestId(0) + " 0 0 1 connected\n" + TestId(4) +
      " 127.0.0.1:7005@17005 slave " + TestId(1) + " 0 0 2 connected\n" + TestId(5) +
      " 127.0.0.1:7006@17006 slave " + TestId(2) + " 0 0 3 connected\n";
  EXPECT_EQ(node.Run({"nodes"}), Bulk(text));
  EXPECT_EQ(node.Run({"NODES"}, RespVersion::kResp3),
            "=" + std::to_string(text.size() + 4) + "\r\ntxt:" + text + "\r\n");
  EXPECT_EQ(
      node.Run({"slaves", TestId(1)}),
      "*1\r\n" + Bulk(TestId(4) + " 127.0.0.1:7005@17005 slave " + TestId(1) + " 0 0 2 connected"));
}

TEST(ClusterRepliesTest, Info) {
  TestNode node(ThreeShards(3));
  EXPECT_EQ(node.Run({"info"}), Bulk("cluster_state:ok\r\n"
                                     "cluster_slots_assigned:16384\r\n"
                                     "cluster_slots_ok:16384\r\n"
                                     "cluster_slots_pfail:0\r\n"
                                     "cluster_slots_fail:0\r\n"
                                     "cluster_known_nodes:6\r\n"
                                     "cluster_size:3\r\n"
                                     "cluster_current_epoch:3\r\n"
                                     "cluster_my_epoch:1\r\n"
                                     "cluster_stats_messages_sent:0\r\n"
                                     "cluster_stats_messages_received:0\r\n"
                                     "total_cluster_links_buffer_limit_exceeded:0\r\n"));
}

std::string SlotsNode(int place, const std::string& endpoint, const std::string& metadata) {
  return "*4\r\n" + endpoint + ":" + std::to_string(7001 + place) + "\r\n" + Bulk(TestId(place)) +
         metadata;
}

TEST(ClusterRepliesTest, SlotsLeavesOutReplicasWithoutData) {
  TestNode node(ThreeShards(0));
  const std::string ip = Bulk("127.0.0.1");
  EXPECT_EQ(node.Run({"slots"}), "*3\r\n*3\r\n:0\r\n:5460\r\n" + SlotsNode(0, ip, "*0\r\n") +
                                     "*3\r\n:5461\r\n:10922\r\n" + SlotsNode(1, ip, "*0\r\n") +
                                     "*3\r\n:10923\r\n:16383\r\n" + SlotsNode(2, ip, "*0\r\n"));
  node.state.SetReplOffset(NodeIndex{3}, 42);
  EXPECT_EQ(node.Run({"slots"}, RespVersion::kResp3),
            "*3\r\n*4\r\n:0\r\n:5460\r\n" + SlotsNode(0, ip, "%0\r\n") +
                SlotsNode(3, ip, "%0\r\n") + "*3\r\n:5461\r\n:10922\r\n" +
                SlotsNode(1, ip, "%0\r\n") + "*3\r\n:10923\r\n:16383\r\n" +
                SlotsNode(2, ip, "%0\r\n"));
}

TEST(ClusterRepliesTest, SlotsShowsThePreferredEndpoint) {
  TestNode node(ThreeShards(0));
  node.state.SetHostname(NodeIndex{0}, "a.example");
  for (NodeIndex place : {NodeIndex{1}, NodeIndex{2}}) {
    for (SlotRange range : node.state.SlotsOf(place)) {
      for (int slot = range.first; slot <= range.last; ++slot) {
        node.state.Assign(Slot(slot), kNoNode);
      }
    }
  }
  const std::string head = "*1\r\n*3\r\n:0\r\n:5460\r\n";
  const std::string ip = Bulk("ip") + Bulk("127.0.0.1");
  const std::string hostname = Bulk("hostname") + Bulk("a.example");
  EXPECT_EQ(node.Run({"slots"}), head + SlotsNode(0, Bulk("127.0.0.1"), "*2\r\n" + hostname));
  node.context.view = EndpointKind::kHostname;
  EXPECT_EQ(node.Run({"slots"}), head + SlotsNode(0, Bulk("a.example"), "*2\r\n" + ip));
  node.context.view = EndpointKind::kUnknown;
  EXPECT_EQ(node.Run({"slots"}), head + SlotsNode(0, "$-1\r\n", "*4\r\n" + ip + hostname));
  EXPECT_EQ(node.Run({"slots"}, RespVersion::kResp3),
            head + SlotsNode(0, "_\r\n", "%2\r\n" + ip + hostname));
}

std::string ShardsNode(int place, const std::string& role, int offset, const std::string& health) {
  return Bulk("id") + Bulk(TestId(place)) + Bulk("port") + ":" + std::to_string(7001 + place) +
         "\r\n" + Bulk("ip") + Bulk("127.0.0.1") + Bulk("endpoint") + Bulk("127.0.0.1") +
         Bulk("role") + Bulk(role) + Bulk("replication-offset") + ":" + std::to_string(offset) +
         "\r\n" + Bulk("health") + Bulk(health);
}

TEST(ClusterRepliesTest, Shards) {
  TestNode node(ThreeShards(0));
  node.context.my_repl_offset = 5;
  node.state.SetReplOffset(NodeIndex{4}, 7);
  node.state.SetFlag(NodeIndex{5}, NodeFlag::kFailed, true);
  auto reply = [&](const std::string& pair, const std::string& entries) {
    auto shard = [&](const std::string& slots, const std::string& nodes) {
      return pair + Bulk("slots") + slots + Bulk("nodes") + "*2\r\n" + nodes;
    };
    return "*3\r\n" +
           shard("*2\r\n:0\r\n:5460\r\n", entries + ShardsNode(0, "master", 5, "online") + entries +
                                              ShardsNode(3, "replica", 0, "loading")) +
           shard("*2\r\n:5461\r\n:10922\r\n", entries + ShardsNode(1, "master", 0, "online") +
                                                  entries + ShardsNode(4, "replica", 7, "online")) +
           shard("*2\r\n:10923\r\n:16383\r\n", entries + ShardsNode(2, "master", 0, "online") +
                                                   entries + ShardsNode(5, "replica", 0, "fail"));
  };
  EXPECT_EQ(node.Run({"shards"}), reply("*4\r\n", "*14\r\n"));
  EXPECT_EQ(node.Run({"shards"}, RespVersion::kResp3), reply("%2\r\n", "%7\r\n"));
}

TEST(ClusterRepliesTest, HelpIsAListOfLines) {
  TestNode node(ThreeShards(0));
  std::string reply = node.Run({"help"});
  EXPECT_EQ(reply.substr(0, 1), "*");
  EXPECT_NE(reply.find("+SETSLOT <slot> ("), std::string::npos);
}

}  // namespace
}  // namespace slotway::storage::cluster
