// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/cluster_replies.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cluster/nodes_conf.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

// By BusMessageType.
constexpr std::array<std::string_view, kBusMessageTypes> kMessageNames{
    "ping",     "pong",   "meet",    "fail",   "publish",      "auth-req",
    "auth-ack", "update", "mfstart", "module", "publishshard",
};

std::int64_t OffsetOf(const ClusterNode& node, std::int64_t my_repl_offset) {
  return node.IsMyself() ? my_repl_offset : node.repl_offset;
}

// One node of CLUSTER SLOTS: endpoint, port, id, and what else is known of its address.
void WriteSlotsNode(const ClusterNode& node, EndpointView view, ReplyWriter& writer) {
  const EndpointKind kind = view.kind;
  writer.Array(4);
  if (kind == EndpointKind::kUnknown) {
    writer.Null();
  } else {
    writer.Bulk(PreferredEndpoint(node, kind));
  }
  writer.Integer(PortFor(node, view));
  writer.Bulk(node.id.Text());
  bool has_ip = kind != EndpointKind::kIp;
  bool has_hostname = kind != EndpointKind::kHostname && !node.hostname.empty();
  writer.Map((has_ip ? 1 : 0) + (has_hostname ? 1 : 0));
  if (has_ip) {
    writer.Bulk("ip");
    writer.Bulk(node.ip);
  }
  if (has_hostname) {
    writer.Bulk("hostname");
    writer.Bulk(node.hostname);
  }
}

struct OwnedRange {
  SlotRange range;
  NodeIndex owner;
};

std::vector<OwnedRange> OwnedRanges(const ClusterState& state) {
  std::vector<OwnedRange> ranges;
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    NodeIndex owner = state.OwnerOf(Slot(i));
    if (owner == kNoNode) continue;
    auto slot = static_cast<std::uint16_t>(i);
    if (!ranges.empty() && ranges.back().owner == owner && ranges.back().range.last + 1 == i) {
      ranges.back().range.last = slot;
    } else {
      ranges.push_back({{slot, slot}, owner});
    }
  }
  return ranges;
}

std::string_view HealthText(const ClusterNode& node, std::int64_t offset) {
  if (node.IsFailed()) return "fail";
  return node.IsReplica() && offset == 0 ? "loading" : "online";
}

void WriteShardNode(const ClusterState& state, NodeIndex index, EndpointView view,
                    std::int64_t my_repl_offset, ReplyWriter& writer) {
  const ClusterNode& node = state.Node(index);
  std::int64_t offset = OffsetOf(node, my_repl_offset);
  const bool is_port_tls = state.Policy().is_port_tls;
  const std::uint16_t plain_port = is_port_tls ? node.other_port : node.port;
  const std::uint16_t tls_port = is_port_tls ? node.port : node.other_port;
  writer.Map(6 + (node.hostname.empty() ? 0 : 1) + (plain_port != 0 ? 1 : 0) +
             (tls_port != 0 ? 1 : 0));
  writer.Bulk("id");
  writer.Bulk(node.id.Text());
  if (plain_port != 0) {
    writer.Bulk("port");
    writer.Integer(plain_port);
  }
  if (tls_port != 0) {
    writer.Bulk("tls-port");
    writer.Integer(tls_port);
  }
  writer.Bulk("ip");
  writer.Bulk(node.ip);
  writer.Bulk("endpoint");
  writer.Bulk(PreferredEndpoint(node, view.kind));
  if (!node.hostname.empty()) {
    writer.Bulk("hostname");
    writer.Bulk(node.hostname);
  }
  writer.Bulk("role");
  writer.Bulk(node.IsMaster() ? "master" : "replica");
  writer.Bulk("replication-offset");
  writer.Integer(offset);
  writer.Bulk("health");
  writer.Bulk(HealthText(node, offset));
}

}  // namespace

void WriteNodes(const ClusterState& state, EndpointView view, ReplyWriter& writer) {
  std::string text;
  for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
    text += FormatNodeLine(state, NodeIndex(i), false, view) + '\n';
  }
  writer.Verbatim("txt", text);
}

void WriteInfo(const ClusterState& state, const BusCounters& counters,
               std::uint64_t limit_exceeded_count, ReplyWriter& writer) {
  SlotHealth health = state.CountSlots();
  const ClusterNode& master = state.Node(state.MasterOf(state.MyIndex()));
  std::string text;
  auto line = [&](std::string_view name, std::uint64_t value) {
    text += name;
    // wire: CLUSTER INFO is text whose lines end so.
    text += ':' + std::to_string(value) + "\r\n";
  };
  auto count = [](int value) { return static_cast<std::uint64_t>(value); };
  // wire: CLUSTER INFO is text whose lines end so.
  text += state.IsUp() ? "cluster_state:ok\r\n" : "cluster_state:fail\r\n";
  line("cluster_slots_assigned", count(health.assigned));
  line("cluster_slots_ok", count(health.ok));
  line("cluster_slots_pfail", count(health.suspected));
  line("cluster_slots_fail", count(health.failed));
  line("cluster_known_nodes", state.Nodes().size());
  line("cluster_size", count(state.Size()));
  line("cluster_current_epoch", ToInt(state.CurrentEpoch()));
  line("cluster_my_epoch", ToInt(master.config_epoch));
  auto messages = [&](const auto& counts, const std::string& direction) {
    std::uint64_t total = 0;
    for (std::size_t type = 0; type < counts.size(); ++type) {
      total += counts[type];
      if (counts[type] == 0) continue;
      std::string name = "cluster_stats_messages_";
      name += kMessageNames[type];
      line(name + direction, counts[type]);
    }
    line("cluster_stats_messages" + direction, total);
  };
  messages(counters.sent, "_sent");
  messages(counters.received, "_received");
  line("total_cluster_links_buffer_limit_exceeded", limit_exceeded_count);
  writer.Verbatim("txt", text);
}

void WriteLinks(const std::vector<LinkDescription>& links,
                const std::function<std::size_t(LinkId)>& queued_bytes, ReplyWriter& writer) {
  writer.Array(links.size());
  for (const LinkDescription& link : links) {
    const auto queued = static_cast<std::int64_t>(queued_bytes(link.link));
    writer.Map(6);
    writer.Bulk("direction");
    writer.Bulk(link.is_outgoing ? "to" : "from");
    writer.Bulk("node");
    writer.Bulk(link.node.Text());
    writer.Bulk("create-time");
    writer.Integer(link.created_unix_ms);
    writer.Bulk("events");
    writer.Bulk(queued != 0 ? "rw" : "r");
    writer.Bulk("send-buffer-allocated");
    writer.Integer(queued);
    writer.Bulk("send-buffer-used");
    writer.Integer(queued);
  }
}

void WriteSlots(const ClusterState& state, EndpointView view, std::int64_t my_repl_offset,
                ReplyWriter& writer) {
  std::vector<OwnedRange> ranges = OwnedRanges(state);
  writer.Array(ranges.size());
  for (const OwnedRange& owned : ranges) {
    std::vector<NodeIndex> replicas = state.ReplicasOf(owned.owner);
    std::erase_if(replicas, [&](NodeIndex index) {
      const ClusterNode& node = state.Node(index);
      return node.IsFailed() || OffsetOf(node, my_repl_offset) == 0;
    });
    writer.Array(3 + replicas.size());
    writer.Integer(owned.range.first);
    writer.Integer(owned.range.last);
    WriteSlotsNode(state.Node(owned.owner), view, writer);
    for (NodeIndex replica : replicas) WriteSlotsNode(state.Node(replica), view, writer);
  }
}

void WriteShards(const ClusterState& state, EndpointView view, std::int64_t my_repl_offset,
                 ReplyWriter& writer) {
  std::vector<NodeIndex> masters;
  for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
    if (state.Nodes()[i].IsMaster()) masters.push_back(NodeIndex(i));
  }
  writer.Array(masters.size());
  for (NodeIndex master : masters) {
    writer.Map(2);
    writer.Bulk("slots");
    std::vector<SlotRange> ranges = state.SlotsOf(master);
    writer.Array(2 * ranges.size());
    for (SlotRange range : ranges) {
      writer.Integer(range.first);
      writer.Integer(range.last);
    }
    writer.Bulk("nodes");
    std::vector<NodeIndex> replicas = state.ReplicasOf(master);
    writer.Array(1 + replicas.size());
    WriteShardNode(state, master, view, my_repl_offset, writer);
    for (NodeIndex index : replicas) {
      WriteShardNode(state, index, view, my_repl_offset, writer);
    }
  }
}

void WriteReplicas(const ClusterState& state, NodeIndex master, EndpointView view,
                   ReplyWriter& writer) {
  std::vector<NodeIndex> replicas = state.ReplicasOf(master);
  writer.Array(replicas.size());
  for (NodeIndex index : replicas) writer.Bulk(FormatNodeLine(state, index, false, view));
}

void WriteHelp(ReplyWriter& writer) {
  static constexpr std::string_view kLines[] = {
      "CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ADDSLOTS <slot> [<slot> ...]",
      "    Take unowned slots.",
      "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
      "    Take unowned slots, given as ranges that include both ends.",
      "BUMPEPOCH",
      "    Give this node a config epoch above all others.",
      "COUNT-FAILURE-REPORTS <node-id>",
      "    How many nodes reported <node-id> as failing.",
      "COUNTKEYSINSLOT <slot>",
      "    How many keys of <slot> are here.",
      "DELSLOTS <slot> [<slot> ...]",
      "    Forget who owns the slots.",
      "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
      "    Forget who owns the slots of the ranges.",
      "FAILOVER [FORCE|TAKEOVER]",
      "    Make this replica the master.",
      "FLUSHSLOTS",
      "    Give up all slots of this node.",
      "FORGET <node-id>",
      "    Remove a node from the cluster.",
      "GETKEYSINSLOT <slot> <count>",
      "    At most <count> keys of <slot> that are here.",
      "INFO",
      "    State of the cluster, and counts.",
      "KEYSLOT <key>",
      "    The slot of <key>.",
      "LINKS",
      "    The connections between this node and its peers.",
      "MEET <ip> <port> [<bus-port>]",
      "    Join this node with another one, and so their clusters.",
      "MYID",
      "    The id of this node.",
      "MYSHARDID",
      "    The id of this node's shard.",
      "NODES",
      "    All nodes, a line each:",
      "    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
      "REPLICAS <node-id>",
      "    The replicas of <node-id>, as NODES shows them.",
      "REPLICATE <node-id>",
      "    Make this node a replica of <node-id>.",
      "RESET [HARD|SOFT]",
      "    Forget the cluster; HARD also takes a new id.",
      "SAVECONFIG",
      "    Write nodes.conf now.",
      "SET-CONFIG-EPOCH <epoch>",
      "    Set the config epoch of a node that is still alone.",
      "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
      "    Say where <slot> is going, or whose it is.",
      "SHARDS",
      "    Masters with their replicas and slots.",
      "SLOTS",
      "    Slot ranges, each with the nodes that serve it.",
      "HELP",
      "    This list.",
  };
  writer.Array(std::size(kLines));
  for (std::string_view text : kLines) writer.SimpleString(text);
}

}  // namespace slotway::storage::cluster
