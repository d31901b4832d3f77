// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/offset_history.h"

#include <algorithm>

namespace slotway::proxy {

void OffsetHistory::Note(std::uint64_t now_ms, const std::string& history_id,
                         std::uint64_t offset) {
  bool is_new = history_id != history_id_;
  if (is_new || (!samples_.empty() && offset < samples_.back().offset)) samples_.clear();
  if (is_new) history_id_ = history_id;
  if (!samples_.empty() && samples_.back().offset == offset) {
    samples_.back().time_ms = now_ms;
    return;
  }
  samples_.push_back({now_ms, offset});
  if (samples_.size() > kSamplesMax) samples_.pop_front();
}

std::optional<std::uint64_t> OffsetHistory::TimeOf(const std::string& history_id,
                                                   std::uint64_t offset) const {
  if (history_id != history_id_) return std::nullopt;
  auto beyond = std::upper_bound(
      samples_.begin(), samples_.end(), offset,
      [](std::uint64_t wanted, const Sample& sample) { return wanted < sample.offset; });
  if (beyond == samples_.begin()) return std::nullopt;
  return std::prev(beyond)->time_ms;
}

}  // namespace slotway::proxy
