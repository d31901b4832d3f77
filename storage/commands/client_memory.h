// SPDX-License-Identifier: Apache-2.0
// What clients take: input that is not run yet, output that is not sent yet, and what is remembered
// for them. The largest of them go when all together take too much (maxmemory-clients).
//
// A client is counted anew when something was done for it, so the sum is exact but for output that
// has left since. Clients that may go stand in buckets by the power of two of their size, from
// 32 KiB to 8 GiB as in Redis. Engine thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace slotway::config {
struct ShardConfig;
}

namespace slotway::storage {

struct ClientState;

// `pending_input`: bytes that its connection is about to keep.
std::size_t MemoryOf(const ClientState& client, std::size_t pending_input = 0);

// maxmemory-clients in bytes; 0: there is no limit.
std::uint64_t ClientMemoryLimit(const config::ShardConfig& config);

class ClientMemory {
 public:
  // Counts the client as it is now, also one that is new. One that is cut off does not count.
  void Count(ClientState& client, std::size_t pending_input = 0);
  void Forget(ClientState& client);

  std::size_t TotalBytes() const { return total_bytes_; }
  bool IsOver(const config::ShardConfig& config) const {
    const std::uint64_t limit = ClientMemoryLimit(config);
    return limit != 0 && total_bytes_ >= limit;
  }
  // One of the largest that may go; nullptr when there is none.
  ClientState* Largest() const;

 private:
  static constexpr int kSmallestLog2 = 15;
  static constexpr int kLargestLog2 = 33;
  static std::uint8_t BucketFor(std::size_t bytes);
  void MoveTo(ClientState& client, std::uint8_t bucket);

  std::size_t total_bytes_ = 0;
  std::array<std::vector<ClientState*>, kLargestLog2 - kSmallestLog2 + 1> buckets_;
};

}  // namespace slotway::storage
