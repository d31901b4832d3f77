// SPDX-License-Identifier: Apache-2.0
// Brings each request to the shard that owns its slot, whatever the cluster is doing meanwhile.
//
// Follows MOVED and ASK, waits out TRYAGAIN, CLUSTERDOWN and failovers, and keeps each request's
// promise: at most once for writes, in order per client and slot, an answer in bounded time. The
// slot map here is the worker's own copy: redirects correct it at once, publications replace it.
// Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/backend/backend_pool.h"
#include "proxy/backend/private_connections.h"
#include "proxy/routing/dispatcher_counters.h"
#include "proxy/routing/hold_queue.h"
#include "proxy/routing/own_connections.h"
#include "proxy/routing/read_targets.h"
#include "proxy/routing/script_loader.h"
#include "proxy/routing/slot_owners.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class Dispatcher final : private BackendConnection::Events {
 public:
  // `request_refresh` asks for a new topology, soon; called often, must be cheap.
  Dispatcher(runtime::EventLoop& loop, const config::ProxyConfig& settings,
             std::size_t worker_count, std::function<void()> request_refresh);
  Dispatcher(runtime::EventLoop& loop, const config::ProxyConfig& settings,
             std::size_t worker_count, std::function<void()> request_refresh,
             const OwnConnections& own);

  // Sends one request to the owner of its slot; a read in a lane with IsReadonly() to whoever
  // request.reads allows.
  void Send(std::string_view bytes, const InFlight& request) {
    if (request.lane.IsReadonly()) [[unlikely]] return SendRead(bytes, request);
    BackendConnection* backend = ReadyConnection(request.slot, request.lane);
    if (backend == nullptr) [[unlikely]] return HoldUnreachable(bytes, request);
    backend->Send(bytes, request);
  }
  // Send() for who may have earlier requests held: it waits behind them.
  void SendInLine(std::string_view bytes, const InFlight& request);

  // Send() to a master. nullptr, and nothing is sent, if that cannot be now; else the caller fills
  // in, at once, who asked. REQUIRES: !lane.IsReadonly().
  InFlight* SendNow(std::string_view bytes, protocol::Slot slot, Lane lane) {
    BackendConnection* backend = ReadyConnection(slot, lane);
    if (backend == nullptr) [[unlikely]] return nullptr;
    InFlight& sent = backend->Send(bytes);
    sent.slot = slot;
    sent.lane = lane;
    return &sent;
  }

  // The same for a request that runs a script by its digest (EVALSHA): a shard that may not know
  // the script is told it before, if we know it.
  void SendByDigest(std::string_view bytes, const InFlight& request);
  // The same for EVAL: its script is remembered, until a shard refuses it.
  void SendScriptText(std::span<const std::string_view> args, std::string_view bytes,
                      InFlight request);
  // Before anything is sent. It outlives the dispatcher.
  void MeasureWith(WorkerMeter& meter) {
    meter_ = &meter;
    pool_.MeasureWith(meter);
  }
  ScriptMemory& Scripts() { return *scripts_; }
  // Before anything is sent. It outlives the dispatcher.
  void ShareScripts(ScriptMemory& scripts) {
    scripts_ = &scripts;
    scripts.SetBound(settings_.routing.script_memory_bytes_max);
  }

  // The open connection to the owner of `slot`, or nullptr: see Await(). For requests that have to
  // stand together (MULTI ... EXEC): send them all before returning, raw.
  BackendConnection* ReadyConnection(protocol::Slot slot, Lane lane) const {
    NodeIndex node = OwnerIndex(slot);
    return node != kNoNodeIndex ? pool_.Ready(node, lane) : nullptr;
  }
  // The same for the node that an ASK leads to; a connection to it is wanted from now on. nullptr
  // also if `redirect` leads nowhere known.
  BackendConnection* ReadyConnectionAlong(const runtime::SocketAddress& from,
                                          std::string_view redirect, Lane lane);
  // Calls taker.OnShardReady(part) once the slot's owner can be sent to, not before `delay_ms`. If
  // that takes longer than requests are held, taker.OnReply(part) gets `error` instead. Waiting
  // counts as one wait over several calls: `waiting_since_ms` starts as 0 and is kept by the taker.
  void Await(protocol::Slot slot, Lane lane, ReplyTaker& taker, std::size_t part,
             std::string_view error, std::uint64_t delay_ms, std::uint32_t& waiting_since_ms);
  void CancelAwait(const ReplyTaker& taker);  // it hears no more of what it awaits
  // The map as it is now: a node or kNoNodeIndex for every slot.
  std::span<const NodeIndex, protocol::kSlotCount> OwnerOfEachSlot() const { return owners_.Each(); }
  NodeIndex OwnerIndex(protocol::Slot slot) const { return owners_[slot]; }
  // "127.0.0.1:7000"
  std::string NameOf(NodeIndex node) const;
  // kNoNodeIndex if the cluster has not told of it.
  NodeIndex FindNode(const protocol::Endpoint& endpoint) const { return pool_.Find(endpoint); }
  // Numbers for a node and for the map that are the same in every proxy: they come from addresses.
  std::uint64_t MarkOf(NodeIndex node) const;
  std::uint64_t MarkOfMap() const;
  // Sends to this very node, whatever it owns. `request` is raw. False, and nothing is sent, if its
  // connection is not open: it is being opened then.
  bool SendToNode(NodeIndex node, std::string_view bytes, InFlight request);
  bool SendToNode(const runtime::SocketAddress& node, std::string_view bytes, InFlight request);
  // Where the slot's owner is, if it is known.
  std::optional<runtime::SocketAddress> OwnerOf(protocol::Slot slot) const;
  // Learns from a redirect that a raw request got, and tells where it leads. Nothing if it is none
  // or leads nowhere known.
  struct RedirectTarget {
    protocol::Redirect::Kind kind;
    protocol::Slot slot;
    runtime::SocketAddress address;
  };
  std::optional<RedirectTarget> LearnRedirect(const runtime::SocketAddress& from,
                                              std::string_view reply);
  void RequestRefresh() { request_refresh_(); }  // the map may be old
  PrivateConnections& Private() { return private_; }
  runtime::EventLoop& Loop() { return loop_; }
  void CountBlocked(bool is_more) { is_more ? blocked_now_->Add() : blocked_now_->Subtract(); }
  runtime::Counter& BlockedNow() { return *blocked_now_; }
  std::uint64_t BackoffMs(std::uint8_t tries) const;

  // Whether so much waits for the slot's shard that its clients should slow down.
  bool IsCongested(protocol::Slot slot) const;

  // The settings were replaced: takes over those that it does not read each time.
  void ApplySettings();
  void UpdateTopology(const protocol::Topology& topology);
  void UpdateReplicas(ReplicaFactsSnapshot facts);
  bool HasTopology() const { return has_topology_; }
  // One slot of every node that owns one of those for which `is_wanted`, and one that nobody owns,
  // if there is any.
  template <class IsWanted>
  std::vector<protocol::Slot> SlotOfEachOwner(IsWanted is_wanted) const {
    std::map<NodeIndex, protocol::Slot> slot_of;
    for (int i = 0; i < (has_slots_ ? protocol::kSlotCount : 1); ++i) {
      auto slot = static_cast<protocol::Slot>(i);
      if (is_wanted(slot)) slot_of.try_emplace(owners_[slot], slot);
    }
    std::vector<protocol::Slot> slots;
    for (auto [node, slot] : slot_of) slots.push_back(slot);
    return slots;
  }
  // By which a key is routed. A backend without slots has all keys in one.
  protocol::Slot SlotOf(std::string_view key) const {
    return has_slots_ ? protocol::SlotOfKey(key) : protocol::Slot{0};
  }
  bool HasSlots() const { return has_slots_; }
  // One slot of every master that owns any: how a command reaches all shards.
  const std::vector<protocol::Slot>& SlotOfEachMaster() const { return slot_of_each_master_; }

  // Ends all work: what is held is answered with an error. Before destruction.
  void Shutdown();
  const DispatcherCounters& Counters() const { return counters_; }
  std::size_t HeldRequests() const { return hold_.Size(); }
  std::size_t InFlightRequests() const;
  std::size_t BufferedBytes() const;  // of requests sent and unanswered, or held back

 private:
  void OnReady(BackendConnection& backend) override;
  void OnTrusted(BackendConnection& backend) override;
  bool OnErrorReply(BackendConnection& backend, InFlight& request, std::string_view reply) override;
  void OnLost(InFlight& request, std::string bytes, bool may_have_run) override;
  bool OnAwaitedReply(BackendConnection& backend, InFlight& request) override;
  void OnDown(BackendConnection& backend, std::string_view reason) override;
  void OnPush(BackendConnection& backend, std::string_view push) override;

  void SendAgain(std::string_view bytes, const InFlight& request);  // as before
  void ForgetRefused(BackendConnection& backend, std::string_view reply);
  bool LoadScript(BackendConnection& backend, InFlight& request, std::string_view reply);
  void SendRead(std::string_view bytes, const InFlight& request);
  BackendConnection* ReadTarget(const InFlight& request);  // nullptr: there is no open connection
  void RetryRead(BackendConnection& backend, InFlight request, std::string_view reply);
  bool LacksReplica(const InFlight& request) const;  // only one may answer it, and none is fit
  BackendConnection* TargetOf(const InFlight& request);    // the same
  void FollowMoved(BackendConnection& backend, InFlight request, std::string_view reply);
  void FollowAsk(BackendConnection& backend, InFlight request, std::string_view reply);
  void HoldUnreachable(std::string_view bytes, InFlight request);
  void Hold(std::string bytes, InFlight request, std::string_view error, std::uint64_t delay_ms);
  void FenceMovedSlots();
  void CorrectOwner(protocol::Slot slot, NodeIndex node);
  NodeIndex NodeOfRedirect(const runtime::SocketAddress& from, std::string_view reply,
                           protocol::Redirect& redirect) const;
  void MarkHeldBack(InFlight& request);
  void AwaitFollowers(BackendConnection& backend);
  void NoteFate(InFlight& request, bool has_run);
  void Refuse(InFlight request, std::string_view error);
  bool MustWaitInLine(const InFlight& request) const;
  bool CountRedirect(InFlight& request);
  void CheckBackends();
  struct Trouble {  // of a shard, without a break: if it is too old, nothing more is held
    std::uint64_t since_ms = 0;
    std::uint64_t last_ms = 0;
  };
  Trouble& NoteTrouble(protocol::Slot slot);
  bool IsTroubleTooOld(protocol::Slot slot);
  void CountUnready();
  void WantOwner(const InFlight& request);
  void RetryHeld();
  // Using one may end the taker of others. What `use` refuses stays in `held`.
  using UseHeld = std::function<bool(const HoldQueue::Held&)>;
  void UseEach(std::vector<HoldQueue::Held>& held, const UseHeld& use);
  void Release(const HoldQueue::Held& held);
  void DropNodesThatLeft();
  void StartHoldTimer(std::uint64_t delay_ms);
  void Tick();

  runtime::EventLoop& loop_;
  const config::ProxyConfig& settings_;
  std::size_t worker_count_;
  std::function<void()> request_refresh_;
  OwnConnections::Watcher* watcher_ = nullptr;
  runtime::Counter* blocked_now_ = &counters_.blocked_now;  // or that of the worker
  Lane first_lane_;  // that masters are connected in before anybody asks
  bool connects_to_all_ = true;
  BackendPool pool_;
  PrivateConnections private_;
  HoldQueue hold_;
  ScriptMemory own_scripts_;  // where workers share none
  ScriptMemory* scripts_ = &own_scripts_;
  ScriptLoader script_loader_;
  std::vector<HoldQueue::Held>* in_use_ = nullptr;  // what UseEach() goes through
  SlotOwners owners_;
  std::vector<protocol::Slot> slot_of_each_master_;
  mutable std::optional<std::uint64_t> mark_of_map_;  // until the map changes
  ReadTargets reads_;
  std::unordered_map<NodeIndex, Trouble> trouble_;  // kNoNodeIndex: of slots without an owner
  WorkerMeter* meter_ = nullptr;  // nullptr: nothing is measured
  runtime::Timer hold_timer_;
  runtime::Timer stall_timer_;
  DispatcherCounters counters_;
  std::map<std::string, std::vector<NodeIndex>, std::less<>> hostnames_;
  std::uint64_t version_ = 0;        // of the topology that the map came from
  bool is_map_corrected_ = false;    // by redirects since then
  std::uint64_t checked_at_ms_ = 0;  // when the connections were looked after last
  bool has_topology_ = false;
  bool has_slots_ = true;
  bool is_shut_down_ = false;
};

}  // namespace slotway::proxy
