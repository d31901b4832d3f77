// SPDX-License-Identifier: Apache-2.0
// Listens to one sentinel for the news that the master was switched.
//
// Only a hint for speed: who hears it asks all sentinels. A broken connection is opened again with
// the next Care(). Belongs to its loop's thread.
#pragma once

#include <functional>
#include <string>

#include "proxy/backend/node_link.h"

namespace slotway::proxy {

class SentinelWatch final : public NodeLink {
 public:
  SentinelWatch(runtime::EventLoop& loop, const runtime::SocketAddress& sentinel,
                Login login, std::string master_name, std::function<void()> on_switch)
      : NodeLink(loop, sentinel, std::move(login)),
        master_name_(std::move(master_name)),
        on_switch_(std::move(on_switch)) {}

  // Connects if it is not connected, and asks for a sign of life otherwise. A connection that gave
  // none since the last call is dropped.
  void Care();

 private:
  void OnReply(const protocol::RespValue& reply) override;

  std::string master_name_;
  std::function<void()> on_switch_;
  bool has_answered_ = false;  // since the last Care()
};

}  // namespace slotway::proxy
