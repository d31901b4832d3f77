// SPDX-License-Identifier: Apache-2.0
// The keys of the largest requests and replies that one worker has passed on: a table of fixed size.
//
// It knows what was passed, not what is stored: HGETALL shows a hash's size, HGET does not. A key
// that nobody has asked for at that size for an hour is forgotten. Any thread: only what is large
// takes the lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::proxy {

struct BigKey {
  std::string key;  // the first BigKeys::kKeyBytesMax bytes
  std::string command;
  std::size_t bytes = 0;    // of the larger of request and reply, on the wire
  std::int64_t time_s = 0;  // Unix time
};

class BigKeys {
 public:
  static constexpr std::size_t kKeysMax = 128;
  static constexpr std::size_t kKeyBytesMax = 256;
  static constexpr std::int64_t kForgottenAfterS = 3600;

  void Note(std::string_view key, std::string_view command, std::size_t bytes, std::int64_t now_s) {
    const std::lock_guard lock(mutex_);
    std::string name(key.substr(0, kKeyBytesMax));
    auto known = keys_.find(name);
    if (known == keys_.end() && keys_.size() >= kKeysMax && !MakeRoom(bytes, now_s)) return;
    if (known != keys_.end() && known->second.bytes > bytes &&
        now_s - known->second.time_s < kForgottenAfterS) {
      return;
    }
    keys_[name] = {name, std::string(command), bytes, now_s};
  }
  // In no order.
  std::vector<BigKey> Read(std::int64_t now_s) const {
    const std::lock_guard lock(mutex_);
    std::vector<BigKey> all;
    for (const auto& [name, key] : keys_) {
      if (now_s - key.time_s < kForgottenAfterS) all.push_back(key);
    }
    return all;
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    keys_.clear();
  }

 private:
  // Drops what is forgotten, or else the smallest if it is smaller. False if it is not.
  bool MakeRoom(std::size_t bytes, std::int64_t now_s) {
    std::erase_if(keys_, [&](const auto& entry) {
      return now_s - entry.second.time_s >= kForgottenAfterS;
    });
    if (keys_.size() < kKeysMax) return true;
    auto smallest = std::min_element(keys_.begin(), keys_.end(), [](const auto& a, const auto& b) {
      return a.second.bytes < b.second.bytes;
    });
    if (smallest->second.bytes >= bytes) return false;
    keys_.erase(smallest);
    return true;
  }

  mutable std::mutex mutex_;
  std::map<std::string, BigKey> keys_;  // guarded by mutex_
};

}  // namespace slotway::proxy
