// SPDX-License-Identifier: Apache-2.0
// Turns one request with its plan into what the dispatcher sends: whole, in parts by slot, or to
// every shard. Belongs to its worker's thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/key_extraction.h"
#include "proxy/reply/in_flight.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/request.h"
#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

class Router {
 public:
  static constexpr std::string_view kKeylessScriptsOff =
      "ERR Scripts and functions without keys are turned off (routing.keyless_scripts)";

  Router(Dispatcher& dispatcher, const config::ProxyConfig& settings,
         const std::vector<RequestPlan>& plans)
      : dispatcher_(dispatcher), settings_(settings), plans_(plans) {}

  // Sends the request; its reply goes to the asker's queue, whose next place this opens. An error
  // that is found here (CROSSSLOT, not supported) is delivered there at once.
  void Route(const Request& request, const Asker& asker) {
    const RequestPlan& plan = plans_[request.id];
    bool is_for_master = plan.route == proxy::Route::kOneKey &&
                         asker.reads.Policy() == config::ReadPolicy::kPrimary;
    if (is_for_master &&
        SendToMaster(request, plan, asker.queue, asker.lane, asker.is_silent)) [[likely]] {
      return;
    }
    RouteUnusual(request, plan, asker);
  }
  // Sends a request with one key to that key's master and opens the queue's next place for its
  // reply. False, and nothing was done, if that cannot be now: Route() sees to it.
  // REQUIRES: plan.route == Route::kOneKey, !lane.IsReadonly().
  bool SendToMaster(const Request& request, const RequestPlan& plan, ReplyQueue& queue, Lane lane,
                    bool is_silent = false) {
    const protocol::Slot slot = dispatcher_.SlotOf(request.args[plan.first_key]);
    InFlight* sent = dispatcher_.SendNow(request.bytes, slot, lane);
    if (sent == nullptr) [[unlikely]] return false;
    sent->queue = &queue;
    sent->place = queue.Open(is_silent);
    sent->command = request.id;
    sent->is_readonly = plan.is_readonly;
    last_slot_ = slot;
    if (!plan.is_readonly) queue.NoteWrite(slot);
    return true;
  }
  const RequestPlan& PlanOf(protocol::CommandId id) const { return plans_[id]; }
  const std::vector<RequestPlan>& Plans() const { return plans_; }
  // Whether the request is to wait at the shard until something happens.
  bool Blocks(const Request& request) const;

  // Whether the shard that got the last request has so much to take in that the client should
  // wait for it.
  bool IsLastShardCongested() const { return dispatcher_.IsCongested(last_slot_); }

 private:
  void RouteUnusual(const Request& request, const RequestPlan& plan, const Asker& asker);
  InFlight Describe(const Request& request, const RequestPlan& plan, const Asker& asker) const;
  void Start(StartOperation start, const Request& request, const InFlight& in_flight,
             bool is_nested = false);
  void RouteByKeys(const Request& request, const RequestPlan& plan, InFlight in_flight);
  bool MaySplit(const RequestPlan& plan) const;
  bool MayCrossSlots(bool writes) const;
  bool ReadsMore(const Request& request, const RequestPlan& plan) const;
  void Split(const Request& request, const RequestPlan& plan, InFlight in_flight);
  void SendToAnyShard(const Request& request, InFlight in_flight);
  void SendToAllShards(const Request& request, const RequestPlan& plan, InFlight in_flight);
  void RunScriptEverywhere(const Request& request, const RequestPlan& plan, InFlight in_flight);
  void RouteKeyless(const Request& request, const RequestPlan& plan, InFlight in_flight);
  void SendScript(const Request& request, const RequestPlan& plan, protocol::Slot slot,
                  InFlight in_flight);
  // For a request that may wait: not on a connection that others share.
  void SendOrBlock(const Request& request, const RequestPlan& plan, protocol::Slot slot,
                   InFlight in_flight);
  void SendWhole(const Request& request, protocol::Slot slot, InFlight in_flight);

  Dispatcher& dispatcher_;
  const config::ProxyConfig& settings_;
  const std::vector<RequestPlan>& plans_;
  std::vector<protocol::KeyPosition> keys_;  // reused from request to request
  protocol::Slot last_slot_{0};
};

}  // namespace slotway::proxy
