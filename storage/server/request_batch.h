// SPDX-License-Identifier: Apache-2.0
// Requests of one client that were parsed together, in memory that is used again and again.
//
// One batch serves all sessions of the engine thread. Its views point into the client's input.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/server/executor.h"

namespace slotway::storage {

class RequestBatch {
 public:
  // Enough to hide the memory's latency; few enough that what was fetched is still in the cache.
  static constexpr std::size_t kRequestsMax = 32;
  // A batch with more arguments than this ends early, so that it stays in the cache.
  static constexpr std::size_t kArgsMax = 4096;

  void Clear() {
    count_ = 0;
    args_.clear();
    if (args_.capacity() > 4 * kArgsMax) args_ = decltype(args_)();  // one request was very large
    consumed_ = 0;
  }
  // Between batches: memory of a large request is not kept.
  void GiveBackLargeBuffers() {
    if (args_.capacity() <= 4 * kArgsMax) return;
    args_ = std::vector<std::string_view>();
    count_ = 0;
  }
  bool IsFull() const { return count_ == kRequestsMax || args_.size() >= kArgsMax; }
  std::size_t Count() const { return count_; }
  // How many bytes of the input all requests took, empty ones included.
  std::size_t Consumed() const { return consumed_; }
  void SetConsumed(std::size_t bytes) { consumed_ = bytes; }

  void Add(std::span<const std::string_view> args, std::size_t end_offset) {
    items_[count_++] = {args_.size(), args.size(), end_offset};
    args_.insert(args_.end(), args.begin(), args.end());
  }
  std::span<const std::string_view> Args(std::size_t index) const {
    return {args_.data() + items_[index].first_arg, items_[index].arg_count};
  }
  std::size_t EndOffset(std::size_t index) const { return items_[index].end_offset; }

  std::array<Request, kRequestsMax> requests;
  std::array<KeyRef, kRequestsMax> keys;

 private:
  struct Item {
    std::size_t first_arg;
    std::size_t arg_count;
    std::size_t end_offset;  // in the input
  };
  std::array<Item, kRequestsMax> items_;
  std::vector<std::string_view> args_;
  std::size_t count_ = 0;
  std::size_t consumed_ = 0;
};

}  // namespace slotway::storage
