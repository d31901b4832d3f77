// SPDX-License-Identifier: Apache-2.0
// How Slotway looks to cluster clients: one master that serves every slot, at the address that the
// client reached. READONLY, READWRITE and ASKING are accepted, since nothing is ever redirected.
#include <array>
#include <fmt/format.h>
#include <string>

#include "protocol/slot.h"
#include "proxy/client/client_session.h"

namespace slotway::proxy {
namespace {

// What is advertised: the address that the client reached, or the one announced instead.
struct Face {
  std::string host;
  std::uint16_t port;
  std::string node_id;
};

// The same 40 digits from every proxy that is reached at the same address.
std::string StableNodeId(std::string_view address) {
  std::string id;
  for (std::uint64_t seed : {0xcbf29ce484222325u, 0x84222325cbf29ce4u, 0x9e3779b97f4a7c15u}) {
    std::uint64_t hash = seed;
    for (char c : address) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3u;
    }
    hash ^= hash >> 32;
    id += fmt::format("{:016x}", hash);
  }
  return id.substr(0, 40);
}

// A Unix socket is no place to tell anybody about: its clients are told the port of a listener that
// has one, at "the host that you reached", which is what an empty name stands for.
std::uint16_t PortBesideUnixSockets(const config::ProxyConfig& settings) {
  for (const config::ListenerConfig& listener : settings.listeners) {
    if (listener.path.empty() && listener.face == config::ListenerFace::kCluster) {
      return listener.port;
    }
  }
  return 0;
}

Face FaceOf(ClientSession& session) {
  const config::ProxyConfig& settings = session.Services().settings;
  const config::AnnounceConfig& announce = settings.announce;
  runtime::SocketAddress reached = session.LocalAddress();
  Face face;
  face.host = reached.IsUnix() ? "" : reached.Host();
  face.port = reached.IsUnix() ? PortBesideUnixSockets(settings) : reached.Port();
  if (!announce.host.empty()) face.host = announce.host;
  if (announce.port != 0) face.port = announce.port;
  face.node_id = StableNodeId(face.host + ":" + std::to_string(face.port));
  return face;
}

struct ClusterSummary {
  int slots_assigned = 0;
  int slots_failing = 0;
  std::size_t nodes = 0;
  std::size_t masters = 0;
  std::uint64_t epoch = 0;
};

ClusterSummary Summarise(const protocol::Topology* topology) {
  ClusterSummary summary;
  if (topology == nullptr) return summary;
  summary.nodes = topology->nodes.size();
  std::vector<bool> owns(topology->nodes.size(), false);
  for (std::uint16_t owner : topology->owner_of_slot) {
    if (owner == protocol::kNoNode) continue;
    owns[owner] = true;
    ++summary.slots_assigned;
    if (topology->nodes[owner].is_failing) ++summary.slots_failing;
  }
  for (std::size_t i = 0; i < owns.size(); ++i) {
    if (owns[i]) ++summary.masters;
    summary.epoch = std::max(summary.epoch, topology->nodes[i].config_epoch);
  }
  return summary;
}

void Slots(LocalCall& call) {
  Face face = FaceOf(call.session);
  call.reply.Array(1);
  call.reply.Array(3);
  call.reply.Integer(0);
  call.reply.Integer(protocol::kSlotCount - 1);
  call.reply.Array(4);
  call.reply.Bulk(face.host);
  call.reply.Integer(face.port);
  call.reply.Bulk(face.node_id);
  call.reply.Array(0);
}

void Shards(LocalCall& call) {
  Face face = FaceOf(call.session);
  call.reply.Array(1);
  call.reply.Map(2);
  call.reply.Bulk("slots");
  call.reply.Array(2);
  call.reply.Integer(0);
  call.reply.Integer(protocol::kSlotCount - 1);
  call.reply.Bulk("nodes");
  call.reply.Array(1);
  call.reply.Map(7);
  call.reply.Bulk("id");
  call.reply.Bulk(face.node_id);
  call.reply.Bulk("port");
  call.reply.Integer(face.port);
  call.reply.Bulk("ip");
  call.reply.Bulk(face.host);
  call.reply.Bulk("endpoint");
  call.reply.Bulk(face.host);
  call.reply.Bulk("role");
  call.reply.Bulk("master");
  call.reply.Bulk("replication-offset");
  call.reply.Integer(0);
  call.reply.Bulk("health");
  call.reply.Bulk("online");
}

void Nodes(LocalCall& call) {
  Face face = FaceOf(call.session);
  // The bus port is Redis's usual one, where it fits; nobody listens there.
  int bus_port = face.port + 10000 <= 65535 ? face.port + 10000 : 0;
  ClusterSummary summary = Summarise(call.session.Services().topology.get());
  call.reply.Verbatim(
      "txt", fmt::format("{} {}:{}@{} myself,master - 0 0 {} connected 0-{}\n", face.node_id,
                         face.host, face.port, bus_port, summary.epoch, protocol::kSlotCount - 1));
}

void Info(LocalCall& call) {
  ClusterSummary summary = Summarise(call.session.Services().topology.get());
  bool is_ok = summary.slots_assigned == protocol::kSlotCount && summary.slots_failing == 0;
  call.reply.Verbatim(
      "txt", fmt::format("cluster_state:{}\r\ncluster_slots_assigned:{}\r\n"
                         "cluster_slots_ok:{}\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:{}\r\n"
                         "cluster_known_nodes:{}\r\ncluster_size:{}\r\ncluster_current_epoch:{}\r\n"
                         "cluster_my_epoch:{}\r\n",
                         is_ok ? "ok" : "fail", summary.slots_assigned,
                         summary.slots_assigned - summary.slots_failing, summary.slots_failing,
                         summary.nodes, summary.masters, summary.epoch, summary.epoch));
}

void KeySlot(LocalCall& call) {
  call.reply.Integer(protocol::ToInt(protocol::SlotOfKey(call.args[2])));
}

void MyId(LocalCall& call) { call.reply.Bulk(FaceOf(call.session).node_id); }

// A shard's id, which all its nodes share: we are the only node.
void MyShardId(LocalCall& call) { call.reply.Bulk(FaceOf(call.session).node_id); }

// Nobody else is in this cluster.
void Links(LocalCall& call) { call.reply.Array(0); }

bool KnowsNode(LocalCall& call) {
  if (call.args[2] == FaceOf(call.session).node_id) return true;
  call.reply.Error("ERR Unknown node " + std::string(call.args[2]));
  return false;
}

void Replicas(LocalCall& call) {
  if (KnowsNode(call)) call.reply.Array(0);
}

void CountFailureReports(LocalCall& call) {
  if (KnowsNode(call)) call.reply.Integer(0);
}

void ReadOnly(LocalCall& call) {
  call.session.State().is_readonly = true;
  call.reply.Ok();
}

void ReadWrite(LocalCall& call) {
  call.session.State().is_readonly = false;
  call.reply.Ok();
}

void Asking(LocalCall& call) { call.reply.Ok(); }

constexpr std::array kCommands = {
    LocalCommand{"cluster|slots", Slots},     LocalCommand{"cluster|shards", Shards},
    LocalCommand{"cluster|nodes", Nodes},     LocalCommand{"cluster|info", Info},
    LocalCommand{"cluster|keyslot", KeySlot}, LocalCommand{"cluster|myid", MyId},
    LocalCommand{"cluster|myshardid", MyShardId},
    LocalCommand{"cluster|links", Links},
    LocalCommand{"cluster|replicas", Replicas},
    LocalCommand{"cluster|slaves", Replicas},
    LocalCommand{"cluster|count-failure-reports", CountFailureReports},
    LocalCommand{"readonly", ReadOnly},       LocalCommand{"readwrite", ReadWrite},
    LocalCommand{"asking", Asking},
};

}  // namespace

std::span<const LocalCommand> ClusterCommands() { return kCommands; }

}  // namespace slotway::proxy
