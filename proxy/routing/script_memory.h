// SPDX-License-Identifier: Apache-2.0
// The scripts that clients have shown to this process, by their digests.
//
// A shard forgets its scripts when it restarts, and a replica that is promoted may never have heard
// of them: the proxy loads them again from here. One for all workers, behind a lock that only
// scripts take: a client that loaded a script through one worker may use it through another at
// once. Bounded in bytes; what was used least recently goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace slotway::proxy {

class ScriptMemory {
 public:
  // shared: a text may be forgotten while it is being sent.
  using Text = std::shared_ptr<const std::string>;

  explicit ScriptMemory(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // What is above the bound goes at once.
  void SetBound(std::size_t bytes_max);
  void Remember(std::string_view text);
  // A shard did not take it.
  void Forget(std::string_view text);
  // nullptr if it is not known. The digest's letters may be upper case.
  Text Find(std::string_view digest);
  // SCRIPT FLUSH.
  void Clear();
  // Another number after each Clear().
  std::uint64_t Generation() const { return generation_.load(std::memory_order_acquire); }
  std::size_t Bytes() const;

 private:
  struct Script {
    std::string digest;
    Text text;
  };
  using Scripts = std::list<Script>;

  void DropAbove(std::size_t bytes);
  void Drop(Scripts::iterator script);

  std::atomic<std::uint64_t> generation_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_ from here.
  Scripts scripts_;  // the one used last first
  std::unordered_map<std::string_view, Scripts::iterator> by_text_;
  std::unordered_map<std::string_view, Scripts::iterator> by_digest_;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_;
};

}  // namespace slotway::proxy
