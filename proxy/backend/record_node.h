// SPDX-License-Identifier: Apache-2.0
// One master as RecordStore talks to it: questions, each with what becomes of its answer.
//
// Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string_view>

#include "protocol/resp_reply_value.h"
#include "proxy/backend/node_link.h"

namespace slotway::proxy {

class RecordNode final : public NodeLink {
 public:
  // The answer, or nullptr: it will not come, and what was asked may have been done.
  using OnAnswer = std::function<void(const protocol::RespValue*)>;

  RecordNode(runtime::EventLoop& loop, const runtime::SocketAddress& node, Login login);

  // Connects if need be. `on_answer` is called once, unless this is destroyed before.
  void Ask(std::initializer_list<std::string_view> args, OnAnswer on_answer);
  // Gives up what has waited for longer than that.
  void DropIfSilent(std::uint64_t limit_ms);

 private:
  struct Question {
    std::uint64_t asked_at_ms;
    OnAnswer on_answer;
  };

  void OnReply(const protocol::RespValue& reply) override;
  void OnDropped() override;

  std::deque<Question> questions_;
};

}  // namespace slotway::proxy
