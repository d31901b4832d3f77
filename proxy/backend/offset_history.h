// SPDX-License-Identifier: Apache-2.0
// When a master had written how much: what tells how old a replica's data is.
//
// A replica at offset X has all that the master had written at the time it was at X or before. With
// samples of the master's offset, the last of them that is not beyond X gives a time up to which the
// replica's data is complete: an upper bound of its age, never too small. Pure; bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace slotway::proxy {

class OffsetHistory {
 public:
  // The master of this replication history was at `offset` at `now_ms` or later. Times do not go
  // back. Another history, or an offset that goes back, begins anew.
  void Note(std::uint64_t now_ms, const std::string& history_id, std::uint64_t offset);
  // The latest time known by which all that the master had written lies within `offset`. Nothing
  // if that is before the samples, or of another history.
  std::optional<std::uint64_t> TimeOf(const std::string& history_id, std::uint64_t offset) const;
  const std::string& HistoryId() const { return history_id_; }

 private:
  static constexpr std::size_t kSamplesMax = 1024;

  struct Sample {
    std::uint64_t time_ms;
    std::uint64_t offset;
  };
  std::string history_id_;
  std::deque<Sample> samples_;  // of rising offset; the time is the last at which it was so
};

}  // namespace slotway::proxy
