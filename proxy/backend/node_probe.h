// SPDX-License-Identifier: Apache-2.0
// Asks one node again and again how it stands in its replication, and how fast it answers.
//
// Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/replication_info.h"
#include "proxy/backend/node_link.h"

namespace slotway::proxy {

class NodeProbe final : public NodeLink {
 public:
  NodeProbe(runtime::EventLoop& loop, const runtime::SocketAddress& node, Login login);

  // Sends the question, unless one is on its way.
  void Ask();
  // Ends a connection on which a question has waited for longer than that.
  void DropIfSilent(std::uint64_t limit_ms);

  // The last answer; nothing if it was no answer, or the connection ended since.
  const std::optional<protocol::ReplicationInfo>& Info() const { return info_; }
  // When the question was sent that Info() answers: the node was as it says then or later.
  std::uint64_t AskedAtMs() const { return answered_asked_at_ms_; }
  // For how long the node has not answered.
  std::uint64_t SilentForMs() const { return Loop().NowMs() - answered_at_ms_; }
  // Smoothed round-trip time; 0 before the first answer.
  std::uint64_t LatencyUs() const { return latency_us_; }

 private:
  void OnReply(const protocol::RespValue& reply) override;
  void OnDropped() override;

  std::optional<protocol::ReplicationInfo> info_;
  std::uint64_t asked_at_ms_ = 0;
  std::uint64_t asked_at_us_ = 0;
  std::uint64_t answered_asked_at_ms_ = 0;
  std::uint64_t answered_at_ms_;
  std::uint64_t latency_us_ = 0;
  bool awaits_answer_ = false;
  bool is_first_of_connection_ = true;  // its time would include connecting
};

}  // namespace slotway::proxy
