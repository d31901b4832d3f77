// SPDX-License-Identifier: Apache-2.0
// Requests that a client's request is made of, carried out one after the other; their replies are
// kept for whoever composes the client's one reply.
//
// Belongs to its worker's thread. Lives until the last request has been answered.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "protocol/resp_request_parser.h"
#include "proxy/client/worker_services.h"
#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

// Of requests that a client has made before, within its own.
protocol::RequestLimits LimitsOfNested(const config::LimitsConfig& limits);

class NestedRequests final : private ReplyQueue::Owner {
 public:
  // `on_answered` is called later for each request that was not answered at once.
  NestedRequests(ClientSession& session, std::function<void()> on_answered);

  // `bytes` is one request on the wire. True if it has been answered. REQUIRES: the one before it
  // has been answered, and the client is still there.
  bool Perform(std::string_view bytes, const protocol::CommandSpec& spec, protocol::CommandId id);
  std::string TakeReply();

 private:
  void OnReplyProgress() override;
  void OnOutputUnusable(std::string_view reason) override;
  ClientFacts Describe() const override;
  bool IsAnswered() const { return replies_.Outstanding() == 0 && !replies_.HasHeldBack(); }

  ClientSession& session_;
  std::function<void()> on_answered_;
  protocol::RespRequestParser parser_;
  std::string reply_;
  ReplyQueue replies_;
  bool is_waiting_ = false;
};

}  // namespace slotway::proxy
