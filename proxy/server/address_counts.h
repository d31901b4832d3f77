// SPDX-License-Identifier: Apache-2.0
// How many clients each address has, in all workers, so that none takes all the room. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace slotway::proxy {

class AddressCounts {
 public:
  // Counts one more, unless there are `max` already; 0: no bound.
  bool Add(const std::string& host, std::uint32_t max) {
    std::lock_guard lock(mutex_);
    auto found = clients_of_.try_emplace(host, 0).first;
    if (max > 0 && found->second >= max) return false;
    ++found->second;
    return true;
  }
  void Remove(const std::string& host) {
    std::lock_guard lock(mutex_);
    auto found = clients_of_.find(host);
    if (found != clients_of_.end() && --found->second == 0) clients_of_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::uint32_t> clients_of_;  // guarded by mutex_; none is 0
};

}  // namespace slotway::proxy
