// SPDX-License-Identifier: Apache-2.0
// The cluster bus of one node: gossip, failure detection, elections, slot ownership, the lease.
//
// A state machine over ClusterState: told of messages, links and time, it changes the state and
// sends. No I/O of its own (BusHost) and no replication (ReplicationPort); engine thread. Tell it
// Tick() ten times a second and EndOfTurn() after everything else.
// Invariants: a vote is on disk before it is sent, one per epoch; what a peer sent earlier never
// overrules what it sent later; a master with slots serves only while it holds the lease.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/cluster/bus_facts.h"
#include "storage/cluster/bus_host.h"
#include "storage/cluster/bus_message.h"
#include "storage/cluster/bus_peer.h"
#include "storage/cluster/bus_rounds.h"
#include "storage/cluster/bus_saves.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/replication_port.h"

namespace slotway::storage::cluster {

class ClusterBus {
 public:
  // The state and the others must outlive this object. REQUIRES: state.HasMyself().
  ClusterBus(ClusterState& state, BusHost& host, ReplicationPort& replication,
             BusSettings settings);

  void SetSettings(const BusSettings& settings);
  const BusSettings& Settings() const { return settings_; }

  // ---- What happens
  void Tick();
  void OnAccepted(LinkId link, LinkEnds ends);
  void OnConnected(LinkId link, LinkEnds ends);
  // `is_refused`: the host answered that nobody listens.
  void OnConnectFailed(LinkId link, bool is_refused);
  void OnClosed(LinkId link);
  void OnMessage(LinkId link, const BusMessage& message);
  // What BusHost::Save() has come to, for this number and any before it.
  void OnSaved(std::uint64_t number, bool is_written);
  // Saves and tells others what changed. At the end of each turn of the loop.
  void EndOfTurn();

  // ---- The lease: asked before every batch of requests
  // Until when this node may serve, as far as it knows now; the state is held from then on.
  std::int64_t ServesUntilMs() const { return serves_until_ms_; }
  // Looks at the clock: holds the state when the time is up.
  void CheckLease();
  // Whether somebody may have been elected in this node's place when its lease was over.
  bool MayBeReplaced();

  // ---- Data: it is loaded from the disk, and its offset known. `is_all`: nobody has more of it.
  void OnLoaded(bool is_all);
  // Of a master: a replica has more of the data, or may have. Then nothing is served here.
  bool LacksData() const { return recovery_.begun_ms != 0; }

  // ---- The end
  // Asks a replica to take over, for so long, before this master goes. False: nobody is there.
  bool HandOver(std::int64_t for_ms);
  bool IsHandingOver() const { return handover_.ends_ms != 0; }
  bool ExpectsHeir() const;  // one is attached: if there is nobody, it was not heard of yet
  void OnTakeoverAnswer(std::string_view error);  // to BusHost::AskToTakeOver(); or nothing
  // Whether something waits for the stream of the master to go on.
  bool AwaitsStream() const { return manual_.target_offset.has_value() && !manual_.can_start; }

  // ---- CLUSTER commands. Texts are errors; empty is success.
  std::string Meet(const std::string& ip, std::uint16_t port, std::uint16_t bus_port);
  std::string Forget(std::string_view id);
  std::string Replicate(std::string_view id);
  std::string Failover(FailoverKind kind);
  void Reset(bool is_hard, const NodeId& new_id);
  bool HasBeenReset() const { return has_been_reset_; }
  // After a command changed slots or epochs, and has saved them: everybody is told.
  void TellAll() { must_tell_all_ = true; }
  // At the end of this turn at the latest. The number of the save, as OnSaved() will be told.
  std::uint64_t SaveSoon();
  // What pings to these nodes say from here on, and what was said last to this one.
  void SetGrants(std::map<NodeId, SlotGrant> grants) { grants_ = std::move(grants); }
  std::optional<SlotGrant> TakeGrant() { return std::exchange(granted_, std::nullopt); }
  // Tells the replicas of claims and slots on the move. For IsKnownInShard(): have all heard.
  std::uint64_t TellShard();
  bool IsKnownInShard(std::uint64_t news) const;
  // A node says, otherwise than by the bus, that it has taken these slots over.
  void TakeHandover(const NodeId& owner, Epoch epoch, const SlotBitmap& slots);
  void Publish(std::string_view channel, std::string_view payload, bool is_shard);
  int CountFailureReports(const NodeId& id);
  std::vector<LinkDescription> Links() const;
  const BusCounters& Counters() const { return counters_; }

 private:
  // ---- cluster_bus.cpp
  const ClusterNode& Me() const { return state_.Myself(); }
  Peer& PeerOf(const NodeId& id);
  Peer& PeerOf(NodeIndex index) { return PeerOf(state_.Node(index).id); }
  std::vector<NodeId> PeerIds() const;  // ascending
  std::int64_t Timeout() const { return settings_.node_timeout_ms; }
  std::int64_t ElectionMs() const;      // how long a candidate counts votes
  bool IsVoter(NodeIndex index) const;  // a master with slots
  int Majority() const { return state_.Size() / 2 + 1; }
  bool IsHandshake(NodeIndex index) const;
  void TickPeer(const NodeId& id);
  void ForgiveAfterPause();
  void CloseOut(Peer& peer);
  void DropPeer(const NodeId& id);
  void ConnectTo(const NodeId& id, Peer& peer);
  void LinkLost(LinkId link);
  void ShowTimes(NodeIndex index, const Peer& peer);

  // ---- bus_send.cpp
  const SlotBitmap& SaidSlots();
  bool IsClaimSaid();
  BusMessage MessageOf(BusMessageType type);
  void SendPing(const NodeId& to, BusMessageType type);
  void SendPong(LinkId link, const NodeId* to);
  void AddGossip(BusMessage& message, const NodeId* to);
  void AddExtensions(BusMessage& message, Peer* to);
  GossipEntry GossipOf(NodeIndex index);
  void SendToAll(const BusMessage& message);
  void PongAll(bool shard_only);
  void PingShard();
  void AddOpenSlots(BusMessage& message, const NodeId& to);
  void PingRandomPeer();
  void PingVoters();

  // ---- bus_saves.cpp
  std::uint64_t BeginSave();
  void Announce();
  void Send(LinkId link, const BusMessage& message);
  void Promise(LinkId link, const BusMessage& message);  // once the last save is on the disk

  // ---- bus_receive.cpp
  bool NoteSender(NodeIndex sender, const BusMessage& message);
  void OnPing(LinkId link, NodeIndex sender, const BusMessage& message);
  bool OnPong(LinkId link, NodeIndex sender, const BusMessage& message);
  bool FinishHandshake(LinkId link, const NodeId& made_up, const BusMessage& message);
  void StartHandshake(const std::string& ip, std::uint16_t port, std::uint16_t bus_port,
                      bool must_meet);
  void UpdateAddress(LinkId link, NodeIndex sender, const BusMessage& message);
  void ReadRole(NodeIndex sender, const BusMessage& message);
  void BreakCycle(NodeIndex other, std::int64_t offset);
  void ReadGossip(NodeIndex sender, const BusMessage& message);
  void AddUnknown(const GossipEntry& entry);
  void ReadExtensions(NodeIndex sender, const BusMessage& message);
  std::string PeerIp(LinkId link, const BusMessage& message) const;
  bool IsForgotten(const NodeId& id);

  // ---- bus_failures.cpp
  void Suspect(NodeIndex index, std::string_view why);
  void DropOldReports(Peer& peer);
  int CountReports(NodeIndex index);
  void FailIfAgreed(NodeIndex index);
  void MarkFailed(NodeIndex index);
  void HeardOf(NodeIndex index);  // it answers: it may be well again
  bool IsKnownGone(const Peer& peer) const;
  bool CanBeReplaced(NodeIndex index) const;

  // ---- bus_slots.cpp
  void ReadSlots(LinkId link, NodeIndex sender, const BusMessage& message);
  bool SendUpdateIfStale(LinkId link, NodeIndex sender, const BusMessage& message);
  void SendUpdate(LinkId link, NodeIndex owner);
  void TellOfVoters(LinkId link, const NodeId& to);
  void ReadOpenSlots(NodeIndex sender, const BusMessage& message);
  void InheritMoves(NodeIndex claimer, Epoch epoch, const SlotBitmap& slots);
  void TakeClaim(NodeIndex claimer, Epoch epoch, const SlotBitmap& slots);
  void Collide(NodeIndex sender, const BusMessage& message);
  void OnUpdate(const BusMessage& message);
  void Follow(NodeIndex master);
  void FollowAddress();

  // ---- bus_election.cpp
  void TickElection();
  bool MayStand() const;
  std::int64_t MyRankedOffset() const;
  int MyRank() const;
  void ScheduleElection(std::int64_t now_ms);
  bool KnowsConfirmed();
  void RequestVotes();
  void OnVote(NodeIndex sender, const BusMessage& message);
  void Win(const Victory& victory);
  void EndVictory(bool is_saved);
  void BeginTakeover(Takeover takeover);
  bool IsTakeoverKnown();
  bool HasUnknownSlots() const;
  void OnVoteRequest(const BusMessage& message);
  bool TryVote(const PendingVote& request);  // true: decided, one way or the other
  bool HasNewerOwner(const PendingVote& request);
  bool IsVotedAway(const NodeId& node, const SlotBitmap& slots, const NodeId& master);
  bool IsPromisedToOther(const NodeId& node, const SlotBitmap& slots);
  bool MayHoldLease(const NodeId& candidate, NodeIndex master, const SlotBitmap& slots);
  void TickPendingVote();

  // ---- bus_failover.cpp
  void TickManual();
  void EndManual();
  void OnManualStart(NodeIndex sender);
  void TickMigration();

  // ---- bus_recovery.cpp
  void TickRecovery();
  bool MayBeMyReplica(NodeIndex index);
  NodeIndex BestHeir(std::int64_t beyond_offset, Heirs heirs, bool& is_everybody_heard);
  void EndRecovery(std::string_view why);
  bool IsSilent() const { return host_.NowMs() < recovery_.silent_until_ms; }
  void TickHandover();

  // ---- bus_lease.cpp
  void RenewLease();
  std::int64_t MajoritySinceMs(std::int64_t Peer::*said_ms) const;
  void EndTakeover();
  void ServeWithoutLease(std::int64_t now_ms);
  bool NeedsLease() const;
  bool Denies(const NodeId& node, const Peer& peer);  // its lease, by my answers

  ClusterState& state_;
  BusHost& host_;
  ReplicationPort& replication_;
  BusSettings settings_;
  std::unordered_map<NodeId, Peer, NodeIdHash> peers_;
  std::unordered_map<LinkId, BusLink> links_;
  std::map<NodeId, std::int64_t> forgotten_;  // until when; bounded by the time that it lasts
  Election election_;
  std::optional<Victory> victory_;
  ManualFailover manual_;
  std::optional<PendingVote> pending_vote_;
  Recovery recovery_;
  Handover handover_;
  Saves saves_;
  std::vector<VotePromise> promises_;
  std::int64_t denies_until_ms_ = 0;  // no lease from me: what I promised before I was restarted
  BusCounters counters_;
  std::int64_t started_ms_, last_tick_ms_, serves_until_ms_ = 0, serves_from_ms_ = 0;
  std::uint64_t ticks_ = 0, shard_news_ = 0;
  std::optional<Takeover> takeover_;
  bool must_save_ = true, must_tell_all_ = false, must_tell_shard_ = false,
       must_ping_shard_ = false, has_been_reset_ = false, is_replaceable_ = false;
  std::map<NodeId, SlotGrant> grants_;
  std::optional<SlotGrant> granted_;
  std::string followed_;  // the address that replication was told
};

}  // namespace slotway::storage::cluster
