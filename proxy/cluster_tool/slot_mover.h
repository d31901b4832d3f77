// SPDX-License-Identifier: Apache-2.0
// Carries slots with their keys from master to master, while clients go on: where both nodes can do
// that by themselves they do (range_mover), else key by key.
//
// Blocks. A slot belongs at every moment to one node; a key is at every moment on at least one
// side. Where the work ends in the middle, some slots stay open and whoever plans again finishes
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/range_mover.h"
#include "proxy/cluster_tool/slot_plan.h"

namespace slotway::proxy {

class SlotMover {
 public:
  SlotMover(ClusterSession& session, ToolLogin login)
      : session_(session), login_(std::move(login)), ranges_(session) {}

  // What has begun to move key by key has to end so.
  enum class Way : std::uint8_t { kAny, kKeyByKey };
  // REQUIRES: all nodes named are masters that were reached.
  runtime::Result<void> Move(std::span<const SlotMove> moves, Way way = Way::kAny);
  // Only the keys, between nodes that both have the slot open. A key that the target has already is
  // replaced there if `replaces`, else it is an error.
  runtime::Result<void> MoveKeys(const SlotMove& move, bool replaces);
  std::uint64_t KeysMoved() const { return keys_moved_ + ranges_.KeysMoved(); }

 private:
  // How many of the first moves have the same ends.
  static std::size_t GroupSize(std::span<const SlotMove> moves);
  // How many of those are made at once, key by key.
  runtime::Result<std::size_t> BatchSize(std::span<const SlotMove> moves);
  runtime::Result<void> MoveBatch(std::span<const SlotMove> batch);
  runtime::Result<void> MarkAll(const std::string& node, std::span<const SlotMove> batch,
                                std::string_view what, std::string SlotMove::*peer);
  void TellOthers(std::span<const SlotMove> batch);
  void ShowProgress(std::size_t done, std::size_t total);

  ClusterSession& session_;
  ToolLogin login_;
  RangeMover ranges_;
  std::uint64_t keys_moved_ = 0;
  std::uint64_t shown_ms_ = 0;
};

}  // namespace slotway::proxy
