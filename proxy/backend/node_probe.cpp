// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/node_probe.h"

#include <utility>

#include "runtime/clock.h"

namespace slotway::proxy {

NodeProbe::NodeProbe(runtime::EventLoop& loop, const runtime::SocketAddress& node, Login login)
    : NodeLink(loop, node, std::move(login)), answered_at_ms_(loop.NowMs()) {}

void NodeProbe::Ask() {
  if (awaits_answer_) return;
  if (!IsUp()) {
    Connect();
    is_first_of_connection_ = true;
  }
  awaits_answer_ = true;
  asked_at_ms_ = Loop().NowMs();
  asked_at_us_ = runtime::MonotonicUs();
  Send({"INFO", "replication"});
}

void NodeProbe::DropIfSilent(std::uint64_t limit_ms) {
  if (!awaits_answer_ || Loop().NowMs() - asked_at_ms_ <= limit_ms) return;
  Drop();
  OnDropped();
}

void NodeProbe::OnReply(const protocol::RespValue& reply) {
  if (!std::exchange(awaits_answer_, false)) return;
  auto info = protocol::ParseReplicationInfo(reply.IsText() ? reply.text : "");
  if (!info) {
    info_.reset();
    return;
  }
  info_ = std::move(*info);
  answered_at_ms_ = Loop().NowMs();
  answered_asked_at_ms_ = asked_at_ms_;
  if (std::exchange(is_first_of_connection_, false)) return;
  std::uint64_t took_us = runtime::MonotonicUs() - asked_at_us_;
  latency_us_ = latency_us_ == 0 ? took_us : (3 * latency_us_ + took_us) / 4;
}

void NodeProbe::OnDropped() {
  awaits_answer_ = false;
  info_.reset();
}

}  // namespace slotway::proxy
