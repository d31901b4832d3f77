// SPDX-License-Identifier: Apache-2.0
// The base of what takes several exchanges with shards: a request that the proxy composes.
//
// An operation is made with `new`, sends requests, gets their replies as parts, and ends with
// Finish(), which frees it. While it runs no further request of its client is taken, so that none
// overtakes it. Redirects, holding and at-most-once are the dispatcher's, part by part. Belongs to
// its worker's thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/request.h"

namespace slotway::proxy {

// What starts an operation. The place has been opened.
struct OperationContext {
  Dispatcher& dispatcher;
  const config::ProxyConfig& settings;
  const Request& request;
  ReplyQueue& queue;
  ReplyQueue::Sequence place;
  Lane lane;
  protocol::Slot slot{0};  // of the keys, if they are in one
  bool is_nested = false;  // see Asker
};

class Operation : public ReplyTaker {
 public:
  explicit Operation(const OperationContext& context);
  ~Operation() override;

 protected:
  using Args = std::span<const std::string_view>;

  // Sends a request; OnReply(part) gets its reply, or the error that ended it, perhaps before this
  // returns. `is_readonly`: it may be sent again although it may have run.
  void Send(protocol::Slot slot, Args args, std::size_t part, bool is_readonly);
  void Send(protocol::Slot slot, const std::vector<std::string>& args, std::size_t part,
            bool is_readonly) {
    Send(slot, std::vector<std::string_view>(args.begin(), args.end()), part, is_readonly);
  }
  void Send(protocol::Slot slot, std::initializer_list<std::string_view> args, std::size_t part,
            bool is_readonly) {
    Send(slot, Args(args.begin(), args.size()), part, is_readonly);
  }
  // The same to this very node. Raw: see InFlight::is_raw. False if it cannot be sent to now.
  bool SendToNode(NodeIndex node, Args args, std::size_t part);
  bool SendToNode(NodeIndex node, std::initializer_list<std::string_view> args, std::size_t part) {
    return SendToNode(node, Args(args.begin(), args.size()), part);
  }
  // To every master: parts 0 to count - 1. REQUIRES: MasterCount() > 0.
  void SendToEachMaster(Args args, bool is_readonly);
  std::size_t MasterCount() const { return dispatcher_.SlotOfEachMaster().size(); }

  // Delivers the reply and frees the operation: nothing may touch it afterwards.
  void Finish(std::string_view reply);
  void FinishWithError(std::string_view text);
  // Calls OnShardReady(part) after a while, or OnReply(part) with an error when that has happened
  // for as long as requests are held. For what only time can mend.
  void TryLater(protocol::Slot slot, std::size_t part, std::string_view error);

  Dispatcher& Dispatch() const { return dispatcher_; }
  const config::ProxyConfig& Settings() const { return settings_; }
  protocol::RespVersion Version() const { return lane_.Version(); }
  Lane OwnLane() const { return lane_; }

 private:
  InFlight Describe(std::size_t part);

  Dispatcher& dispatcher_;
  const config::ProxyConfig& settings_;
  protocol::CommandId command_;
  Lane lane_;
  std::uint32_t waiting_since_ms_ = 0;
  std::uint8_t tries_ = 0;
};

}  // namespace slotway::proxy
