// SPDX-License-Identifier: Apache-2.0
// CLIENT NO-TOUCH ON: granted if every master knows the command, which came with Redis 7.2.
//
// Asks each to switch it off, where it is off. If any refuses, its error is the reply.
#pragma once

#include <string_view>

#include "proxy/client/client_session.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

class NoTouchProbe final : public Operation {
 public:
  static void Start(LocalCall& call);
  void OnReply(std::size_t part, std::string_view reply) override;

 private:
  NoTouchProbe(const OperationContext& context, ClientSession& session);

  ClientSession& session_;
  std::size_t left_;
  std::string refusal_;
};

}  // namespace slotway::proxy
