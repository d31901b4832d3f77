// SPDX-License-Identifier: Apache-2.0
// Has nodes carry ranges of slots by themselves: CLUSTER MIGRATESLOTS, which our shards and Valkey
// 9 know.
//
// Blocks. The nodes do not need the tool: what has begun goes on when it is interrupted, and
// whoever plans again waits for that first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/resp_reply_value.h"
#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/slot_plan.h"

namespace slotway::proxy {

// What CLUSTER GETSLOTMIGRATIONS says of one.
struct MigrationView {
  std::string name;
  std::string slots;  // "0-9 20-29"
  std::string target;
  std::string state;
  std::string message;
  bool is_export = false;
  std::int64_t keys = 0;
  std::int64_t bytes = 0;

  bool IsOver() const { return state == "success" || HasFailed(); }
  bool HasFailed() const { return state == "failed" || state == "cancelled"; }
};
// An error if it is not such an answer.
runtime::Result<std::vector<MigrationView>> ReadMigrations(const protocol::RespValue& reply);
// "0-9 20-29" of slots in ascending order.
std::string RangesOf(std::span<const SlotMove> moves);

class RangeMover {
 public:
  explicit RangeMover(ClusterSession& session) : session_(session) {}

  // Whether these two can do it: both know the commands, and speak of it to each other alike.
  bool CanMove(const std::string& from, const std::string& to);
  // Until none is at work at any node that was reached.
  runtime::Result<void> WaitForAll();
  // All from one node to one other. REQUIRES: CanMove(), ascending order.
  runtime::Result<void> Move(std::span<const SlotMove> moves);
  std::uint64_t KeysMoved() const { return keys_moved_; }

 private:
  enum class Speech : std::uint8_t { kNone, kOurs, kOther };
  Speech SpeechOf(const std::string& id);
  runtime::Result<std::vector<MigrationView>> ListOf(const std::string& id);
  // Nothing while the nodes say that it cannot be known yet.
  runtime::Result<MigrationView> Await(const std::string& source, const std::string& slots);
  void ShowProgress(const MigrationView& view);

  ClusterSession& session_;
  std::uint64_t keys_moved_ = 0;
  std::uint64_t shown_ms_ = 0;
};

}  // namespace slotway::proxy
