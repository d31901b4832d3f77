// SPDX-License-Identifier: Apache-2.0
// Keeps memory below maxmemory: frees what is dead already, then evicts keys by maxmemory-policy.
//
// Asked before each command, and in turns of the loop of its own while there is more to do; never
// within a command, so that transactions and scripts see no key go. A turn is bounded by
// maxmemory-eviction-tenacity; until all is done commands run as if there was room. Keys are
// sampled by a walk that goes on where it ended, or by lot among those with a TTL, and the best of
// several samples goes (engine/eviction_pool.h). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "storage/commands/server_state.h"
#include "storage/engine/eviction_pool.h"

namespace slotway::storage {

class Evictor {
 public:
  explicit Evictor(ServerState& server) : server_(server) {}
  // Called when a turn's time was too short: HasRoom() is to be asked again soon.
  void OnUnfinished(std::function<void()> unfinished) { unfinished_ = std::move(unfinished); }

  // How often all output has been flushed (see runtime::EventLoop::CompleteFlushes): those who are
  // told of keys that go are sent it before others go.
  void WatchFlushes(std::function<std::uint64_t()> flushes) { flushes_ = std::move(flushes); }

  // Makes room if need be. False when there is none, and nothing that may be evicted.
  bool HasRoom() {
    const bool is_within = !server_.IsOverMemoryLimit() && server_.stats.over_memory_since_us == 0;
    if (is_within) [[likely]]
      return true;
    return MakeRoom();
  }

 private:
  enum class Outcome : std::uint8_t { kDone, kUnfinished, kNothingLeft };
  struct Victim {
    int db_index = 0;
    Entry entry;  // empty: there is none
  };

  bool MakeRoom();
  // Whether keys may go now that nobody has deleted.
  bool MayEvict() const;
  // Whether somebody has still to be sent that keys went: what waits for them would make others go.
  bool AwaitsSending();
  void NoteTold();
  Outcome FreeMemory();
  void CountTime(Outcome outcome);
  // Frees some of what was deleted or flushed before; false if there is nothing.
  bool FreeDead();
  // Bytes that became free, which may be none; nothing when there is nobody to evict.
  std::optional<std::int64_t> EvictOne();
  std::int64_t Evict(const Victim& victim);

  Victim ChooseVictim();
  Victim ChooseAny(bool is_volatile);
  Victim ChooseFirst(EvictionOrder order, bool is_volatile);
  void SampleAll(EvictionOrder order);
  void SampleVolatile(EvictionOrder order);
  void Offer(int db_index, const Entry& entry, EvictionOrder order);

  ServerState& server_;
  std::function<void()> unfinished_;
  std::function<std::uint64_t()> flushes_;
  std::uint64_t told_at_us_ = 0;  // 0: all have been sent it
  std::uint64_t flushes_when_told_ = 0;
  EvictionPool pool_;
  config::MaxmemoryPolicy pool_policy_ = config::MaxmemoryPolicy::kNoeviction;
  int walk_db_ = 0;  // where the walk goes on
  std::uint64_t walk_cursor_ = 0;
  int last_db_ = 0;  // of which any key was chosen
};

}  // namespace slotway::storage
