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
#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

// One parsed request on its way. The views live as long as the call that gets it.
struct Request {
  std::span<const std::string_view> args;
  std::string_view bytes;  // as it goes on the wire
  const protocol::CommandSpec* spec = nullptr;
  protocol::CommandId id = 0;
};

class Router {
 public:
  Router(Dispatcher& dispatcher, const std::vector<RequestPlan>& plans)
      : dispatcher_(dispatcher), plans_(plans) {}

  // Sends the request; its reply goes to `queue`, whose next place this opens. An error that is
  // found here (CROSSSLOT, not supported) is delivered there at once.
  void Route(const Request& request, ReplyQueue& queue, bool wants_resp3, bool is_silent);

  // Whether the shard that got the last request has so much to take in that the client should
  // wait for it.
  bool IsLastShardCongested() const { return dispatcher_.IsCongested(last_slot_); }

 private:
  InFlight Describe(const Request& request, const RequestPlan& plan, bool wants_resp3) const;
  void RouteByKeys(const Request& request, const RequestPlan& plan, ReplyQueue& queue,
                   InFlight in_flight);
  void Split(const Request& request, const RequestPlan& plan, ReplyQueue& queue,
             InFlight in_flight);
  void SendToAllShards(const Request& request, const RequestPlan& plan, ReplyQueue& queue,
                       InFlight in_flight);
  void SendWhole(const Request& request, protocol::Slot slot, InFlight in_flight);

  Dispatcher& dispatcher_;
  const std::vector<RequestPlan>& plans_;
  std::vector<protocol::KeyPosition> keys_;  // reused from request to request
  protocol::Slot last_slot_{0};
};

}  // namespace slotway::proxy
