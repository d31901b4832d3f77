// SPDX-License-Identifier: Apache-2.0
// What a connection to a shard can be switched to, by a command that not every server knows:
// granted if every master does.
//
// Asks each to switch it off, where it is off. If any refuses, its error is the reply.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/client/client_session.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

class LaneProbe final : public Operation {
 public:
  // `question` switches it off; `grant` is called when all masters know it.
  static void Start(LocalCall& call, std::span<const std::string_view> question,
                    std::function<void(SessionState&)> grant);
  void OnReply(std::size_t part, std::string_view reply) override;

 private:
  LaneProbe(const OperationContext& context, ClientSession& session,
            std::function<void(SessionState&)> grant);

  ClientSession& session_;
  std::function<void(SessionState&)> grant_;
  std::size_t left_;
  std::string refusal_;
};

}  // namespace slotway::proxy
