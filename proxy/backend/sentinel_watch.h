// SPDX-License-Identifier: Apache-2.0
// Listens to one sentinel for the news of a failover.
//
// Only a hint for speed: who hears it asks all sentinels. A broken connection is opened again with
// the next Care(). Belongs to its loop's thread.
#pragma once

#include <functional>
#include <string>

#include "protocol/sentinel_reply.h"
#include "proxy/backend/node_link.h"

namespace slotway::proxy {

class SentinelWatch final : public NodeLink {
 public:
  using OnNews = std::function<void(protocol::FailoverNews)>;
  SentinelWatch(runtime::EventLoop& loop, const runtime::SocketAddress& sentinel, Login login,
                std::string master_name, OnNews on_news)
      : NodeLink(loop, sentinel, std::move(login)),
        master_name_(std::move(master_name)),
        on_news_(std::move(on_news)) {}

  // Connects if it is not connected, and asks for a sign of life otherwise. A connection that gave
  // none since the last call is dropped.
  void Care();

 private:
  void OnReply(const protocol::RespValue& reply) override;

  std::string master_name_;
  OnNews on_news_;
  bool has_answered_ = false;  // since the last Care()
};

}  // namespace slotway::proxy
