// SPDX-License-Identifier: Apache-2.0
// One node's view of its cluster: nodes, who owns which slot, epochs, slots on the move.
//
// A pure value: no I/O, clock, randomness or thread. Whoever learns something (nodes.conf at
// start, a CLUSTER command, the cluster bus) feeds it in; whoever needs to answer reads it. Owned
// by the engine thread.
// Invariants: exactly one node is myself, once SetMyself() was called; a slot has at most one
// owner; a replica's master is a node of the list; each node's slot_count is the number of slots
// it owns; the serve table of ServesDirectly() fits the rest after every call.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/slot.h"
#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

struct ClusterNode {
  NodeId id;
  std::string ip;  // empty: not learnt yet
  std::uint16_t port = 0;
  std::uint16_t bus_port = 0;
  // The one that speaks TLS if `port` does not, and the other way round; 0: none.
  std::uint16_t other_port = 0;
  std::string hostname;                // announced, or empty
  std::optional<NodeId> shard_id;      // absent: the file or the peer is older than 7.2
  std::vector<std::string> other_aux;  // "name=value" fields of nodes.conf kept as they came
  NodeFlags flags;
  NodeIndex master = kNoNode;  // of a replica
  std::int64_t ping_sent_ms = 0;
  std::int64_t pong_received_ms = 0;
  Epoch config_epoch{0};
  std::int64_t repl_offset = 0;  // 0: holds no data yet
  bool is_link_up = false;
  std::uint32_t slot_count = 0;  // kept by ClusterState

  bool IsMyself() const { return flags.Has(NodeFlag::kMyself); }
  bool IsMaster() const { return flags.Has(NodeFlag::kMaster); }
  bool IsReplica() const { return flags.Has(NodeFlag::kReplica); }
  bool IsFailed() const { return flags.Has(NodeFlag::kFailed); }
  bool IsSuspected() const { return flags.Has(NodeFlag::kSuspected); }
};

// The settings that decide what is served.
struct ClusterPolicy {
  bool require_full_coverage = true;
  bool allow_reads_when_down = false;
  bool allow_pubsubshard_when_down = true;
  bool is_port_tls = false;  // ClusterNode::port is the one that speaks TLS

  bool operator==(const ClusterPolicy&) const = default;
};

struct SlotRange {
  std::uint16_t first;
  std::uint16_t last;  // inclusive
  bool operator==(const SlotRange&) const = default;
};

// What CLUSTER INFO counts.
struct SlotHealth {
  int assigned = 0;
  int ok = 0;
  int suspected = 0;
  int failed = 0;
};

class ClusterState {
 public:
  ClusterState();

  // ---- Asked for every request: one load.
  // Whether a request for this slot alone can be served here and now without looking further:
  // the slot is mine, not on the move, and the cluster is up. Otherwise slot_guard decides.
  bool ServesDirectly(protocol::Slot slot) const { return serves_[Place(slot)]; }

  // ---- Nodes
  const std::vector<ClusterNode>& Nodes() const { return nodes_; }
  const ClusterNode& Node(NodeIndex index) const { return nodes_[static_cast<std::size_t>(index)]; }
  NodeIndex Find(const NodeId& id) const;     // kNoNode if unknown
  NodeIndex Find(std::string_view id) const;  // the same; not an id at all is unknown
  bool HasMyself() const { return myself_ != kNoNode; }
  NodeIndex MyIndex() const { return myself_; }
  const ClusterNode& Myself() const { return Node(myself_); }  // REQUIRES: HasMyself()
  // The node's master, or the node itself.
  NodeIndex MasterOf(NodeIndex index) const;
  std::vector<NodeIndex> ReplicasOf(NodeIndex master) const;
  bool HasReplicas(NodeIndex master) const;
  // The announced shard id; of a node without one, its master's node id.
  NodeId ShardIdOf(NodeIndex index) const;

  // Adds a node without slots; its master and slot_count fields are ignored. kNoNode if the id is
  // known already or the list is full.
  NodeIndex Add(ClusterNode node);
  // Forgets a node: its slots become unowned, its replicas lose their master. Shifts the places
  // behind it. REQUIRES: it is not myself.
  void Remove(NodeIndex index);
  // REQUIRES: HasMyself() is false.
  void SetMyself(NodeIndex index);
  void SetMaster(NodeIndex index);                       // makes it a master
  void SetReplicaOf(NodeIndex index, NodeIndex master);  // makes it a replica; drops its slots
  void SetAddress(NodeIndex index, std::string ip, std::uint16_t port, std::uint16_t bus_port);
  void SetOtherPort(NodeIndex index, std::uint16_t port) { At(index).other_port = port; }
  void SetHostname(NodeIndex index, std::string hostname);
  void SetShardId(NodeIndex index, const NodeId& shard_id);
  void ClearShardId(NodeIndex index) { At(index).shard_id.reset(); }
  // A node in handshake tells its real id. REQUIRES: nobody has that id.
  void Rename(NodeIndex index, const NodeId& id);
  void SetFlag(NodeIndex index, NodeFlag flag, bool on);  // health flags and kNoFailover
  void SetLink(NodeIndex index, bool is_up);
  void SetPingTimes(NodeIndex index, std::int64_t ping_sent_ms, std::int64_t pong_received_ms);
  void SetReplOffset(NodeIndex index, std::int64_t offset);
  void SetConfigEpoch(NodeIndex index, Epoch epoch);
  // Makes myself the master, in this epoch, of all that the other one owns.
  void TakePlace(NodeIndex old_master, Epoch epoch);

  // ---- Slots
  NodeIndex OwnerOf(protocol::Slot slot) const { return owners_[Place(slot)]; }
  bool IsMine(protocol::Slot slot) const { return HasMyself() && OwnerOf(slot) == myself_; }
  std::vector<SlotRange> SlotsOf(NodeIndex index) const;  // ascending
  void Assign(protocol::Slot slot, NodeIndex owner);      // kNoNode: to nobody
  // Of my slots that go to another node, and of others' slots that come to me.
  NodeIndex MigratingTo(protocol::Slot slot) const { return Peer(migrating_, slot); }
  NodeIndex ImportingFrom(protocol::Slot slot) const { return Peer(importing_, slot); }
  void SetMigrating(protocol::Slot slot, NodeIndex target);  // kNoNode: stop
  void SetImporting(protocol::Slot slot, NodeIndex source);  // kNoNode: stop
  // Changes with every change of an owner or of a config epoch.
  std::uint64_t OwnersVersion() const { return owners_version_; }
  SlotBitmap BitmapOf(NodeIndex index) const;
  const std::map<protocol::Slot, NodeIndex>& Migrating() const { return migrating_; }
  const std::map<protocol::Slot, NodeIndex>& Importing() const { return importing_; }

  // ---- Epochs
  Epoch CurrentEpoch() const { return current_epoch_; }
  void SetCurrentEpoch(Epoch epoch) { current_epoch_ = epoch; }
  Epoch LastVoteEpoch() const { return last_vote_epoch_; }
  void SetLastVoteEpoch(Epoch epoch) { last_vote_epoch_ = epoch; }
  Epoch MaxEpoch() const;
  // A claim of mine may overrule one that is still served. On the disk, too: a restart in the
  // middle has to wait as well.
  bool IsTakingOver() const { return is_taking_over_; }
  void SetTakingOver(bool is_so) { is_taking_over_ = is_so; }
  // Gives myself a config epoch above all others without asking anyone; false if it is so already.
  bool BumpConfigEpoch();

  // ---- The cluster as a whole
  const ClusterPolicy& Policy() const { return policy_; }
  void SetPolicy(const ClusterPolicy& policy);
  // Every slot is served (or need not be) and a majority of the masters with slots is reachable.
  bool IsUp() const { return is_up_; }
  // While held, the cluster counts as down whatever else is known: this node must not serve now.
  void SetHeld(bool is_held);
  bool IsHeld() const { return is_held_; }
  int Size() const { return size_; }                     // masters that own slots
  int CountVoters(const std::set<NodeId>& nodes) const;  // those of them who are such masters
  SlotHealth CountSlots() const;

  // Several changes in one go: the serve table is worked out once, when the last Batch ends.
  class Batch {
   public:
    explicit Batch(ClusterState& state) : state_(state) { ++state_.batches_.count; }
    ~Batch() {
      if (--state_.batches_.count == 0 && state_.is_outdated_) state_.Update();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    ClusterState& state_;
  };

 private:
  // Belongs to the object, not to its value: a copy has none open.
  struct OpenBatches {
    OpenBatches() = default;
    OpenBatches(const OpenBatches&) {}
    OpenBatches& operator=(const OpenBatches&) { return *this; }
    int count = 0;
  };
  static std::size_t Place(protocol::Slot slot) {
    return static_cast<std::size_t>(protocol::ToInt(slot));
  }
  static NodeIndex Peer(const std::map<protocol::Slot, NodeIndex>& peers, protocol::Slot slot) {
    auto found = peers.find(slot);
    return found == peers.end() ? kNoNode : found->second;
  }
  ClusterNode& At(NodeIndex index) { return nodes_[static_cast<std::size_t>(index)]; }
  void Move(protocol::Slot slot, NodeIndex owner);
  void Changed();  // Update() unless a Batch is open
  void Update();   // works out is_up_, size_ and serves_

  std::array<bool, protocol::kSlotCount> serves_{};
  std::array<NodeIndex, protocol::kSlotCount> owners_;
  std::vector<ClusterNode> nodes_;
  std::map<protocol::Slot, NodeIndex> migrating_;
  std::map<protocol::Slot, NodeIndex> importing_;
  NodeIndex myself_ = kNoNode;
  Epoch current_epoch_{0};
  Epoch last_vote_epoch_{0};
  ClusterPolicy policy_;
  std::unordered_map<NodeId, NodeIndex, NodeIdHash> places_;  // of nodes_
  std::uint64_t owners_version_ = 1;
  bool is_held_ = false;
  bool is_taking_over_ = false;
  bool is_outdated_ = false;
  bool is_up_ = false;
  int size_ = 0;
  OpenBatches batches_;
};

}  // namespace slotway::storage::cluster
