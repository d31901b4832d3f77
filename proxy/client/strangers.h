// SPDX-License-Identifier: Apache-2.0
// A worker's clients that have to log in and have not yet: they are bounded in number and time, and who
// has taken longest goes first. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace slotway::proxy {

class Strangers {
 public:
  void Add(std::uint64_t id, std::uint64_t now_ms) { since_ms_.try_emplace(id, now_ms); }
  void Remove(std::uint64_t id) { since_ms_.erase(id); }
  std::size_t Count() const { return since_ms_.size(); }
  // The one to go, if there are more than `max`, or if it came more than `timeout_ms` ago (0: no bound).
  // By id, which is by age but for those that were somebody before.
  std::optional<std::uint64_t> Superfluous(std::size_t max) const {
    if (since_ms_.size() <= max) return std::nullopt;
    return since_ms_.begin()->first;
  }
  std::vector<std::uint64_t> Overdue(std::uint64_t now_ms, std::uint64_t timeout_ms) const {
    std::vector<std::uint64_t> overdue;
    for (const auto& [id, since_ms] : since_ms_) {
      if (now_ms - since_ms > timeout_ms) overdue.push_back(id);
    }
    return overdue;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> since_ms_;  // by id
};

}  // namespace slotway::proxy
