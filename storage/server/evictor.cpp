// SPDX-License-Identifier: Apache-2.0
#include "storage/server/evictor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/clock.h"
#include "storage/commands/key_change.h"

namespace slotway::storage {
namespace {

using Policy = config::MaxmemoryPolicy;

// The clock is looked at once for this many keys.
constexpr int kKeysPerLook = 16;
// Eviction does not wait for longer until others have been sent what went.
constexpr std::uint64_t kSendingMaxUs = 100'000;
// Flushed entries and elements of dead values that are freed in place of one key: some 10 us.
constexpr std::size_t kDeadPerStep = 200;

bool IsVolatile(Policy policy) {
  return policy == Policy::kVolatileLru || policy == Policy::kVolatileLfu ||
         policy == Policy::kVolatileRandom || policy == Policy::kVolatileTtl;
}

// What a turn may take: up to 10 in steps of 50 us, then 15 % more each, to two minutes; without
// end at 100.
std::uint64_t TurnBudgetUs(std::int64_t tenacity) {
  if (tenacity <= 10) return 50 * static_cast<std::uint64_t>(tenacity);
  if (tenacity >= 100) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(500 * std::pow(1.15, static_cast<double>(tenacity - 10)));
}

// For one kind of event of the latency monitor.
class Stopwatch {
 public:
  Stopwatch(ServerState& server, std::string_view event) : server_(server), event_(event) {
    if (ThresholdMs() != 0) start_us_ = runtime::MonotonicUs();
  }
  ~Stopwatch() {
    if (start_us_ == 0) return;
    const std::uint64_t taken_ms = (runtime::MonotonicUs() - start_us_) / 1000;
    if (taken_ms >= ThresholdMs()) server_.latency.Add(event_, server_.now_ms / 1000, taken_ms);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::uint64_t ThresholdMs() const {
    return static_cast<std::uint64_t>(server_.Config().latency_monitor_threshold_ms);
  }

  ServerState& server_;
  std::string_view event_;
  std::uint64_t start_us_ = 0;
};

}  // namespace

bool Evictor::MakeRoom() {
  if (!MayEvict()) return true;
  if (AwaitsSending()) {
    if (unfinished_) unfinished_();
    return true;
  }
  const Outcome outcome = FreeMemory();
  if (server_.propagation.HasUnit()) server_.propagation.EndUnits();
  CountTime(outcome);
  if (outcome == Outcome::kUnfinished && unfinished_) unfinished_();
  return outcome != Outcome::kNothingLeft;
}

bool Evictor::MayEvict() const {
  if (server_.replication.is_replica && server_.Config().replica_ignore_maxmemory) return false;
  if (server_.persistence.loading.IsOn()) return false;
  return server_.now_ms >= server_.paused_until_ms;  // CLIENT PAUSE promises that data stays
}

void Evictor::NoteTold() {
  if (!flushes_) return;
  told_at_us_ = runtime::MonotonicUs();
  flushes_when_told_ = flushes_();
}

bool Evictor::AwaitsSending() {
  if (told_at_us_ == 0) return false;
  const bool is_late = runtime::MonotonicUs() - told_at_us_ > kSendingMaxUs;
  if (is_late || flushes_() != flushes_when_told_) told_at_us_ = 0;
  return told_at_us_ != 0;
}

// Memory that others take meanwhile, who are told of the keys that go, is the next turn's concern:
// otherwise telling them could empty the database.
Evictor::Outcome Evictor::FreeMemory() {
  if (!server_.IsOverMemoryLimit()) return Outcome::kDone;
  const auto wanted =
      static_cast<std::int64_t>(server_.CountedMemoryBytes() - server_.Config().maxmemory_bytes);
  const std::uint64_t start_us = runtime::MonotonicUs();
  const std::uint64_t budget_us = TurnBudgetUs(server_.Config().maxmemory_eviction_tenacity);
  const Stopwatch stopwatch(server_, kEvictionEvent);
  std::int64_t freed = 0;
  for (int steps = 1; freed < wanted; ++steps) {
    const auto used_before = static_cast<std::int64_t>(server_.UsedMemoryBytes());
    if (FreeDead()) {
      freed += used_before - static_cast<std::int64_t>(server_.UsedMemoryBytes());
    } else if (const auto bytes = EvictOne()) {
      freed += *bytes;
    } else {
      return Outcome::kNothingLeft;
    }
    if (steps % kKeysPerLook == 0 && freed < wanted &&
        runtime::MonotonicUs() - start_us > budget_us) {
      return Outcome::kUnfinished;
    }
  }
  return Outcome::kDone;
}

void Evictor::CountTime(Outcome outcome) {
  ServerStats& stats = server_.stats;
  const std::uint64_t now_us = runtime::MonotonicUs();
  if (outcome != Outcome::kDone) {
    if (stats.over_memory_since_us == 0) stats.over_memory_since_us = now_us;
  } else if (stats.over_memory_since_us != 0) {
    stats.over_memory_us += now_us - stats.over_memory_since_us;
    stats.over_memory_since_us = 0;
  }
}

bool Evictor::FreeDead() {
  for (int i = 0; i < server_.DatabaseCount(); ++i) {
    Keyspace* database = server_.DatabaseIfUsed(i);
    if (database == nullptr || database->PendingFrees() == 0) continue;
    database->FreeFlushed(kDeadPerStep);
    server_.stats.lazyfreed_objects += database->TakeFreedCount();
    return true;
  }
  if (server_.incoming.PendingFrees() == 0) return false;
  server_.incoming.FreeSome(kDeadPerStep);
  return true;
}

std::optional<std::int64_t> Evictor::EvictOne() {
  const Victim victim = ChooseVictim();
  if (!victim.entry) return std::nullopt;
  return Evict(victim);
}

std::int64_t Evictor::Evict(const Victim& victim) {
  Keyspace& database = server_.Database(victim.db_index);
  const Stopwatch stopwatch(server_, kEvictionDeleteEvent);
  auto used_before = static_cast<std::int64_t>(server_.UsedMemoryBytes());
  if (!database.DeleteIfDue(victim.entry, server_.now_ms)) {
    ++server_.stats.evicted_keys;
    if (server_.propagation.IsOn()) {
      server_.propagation.AddDeletion(victim.db_index, victim.entry.key(),
                                      server_.Config().lazyfree_lazy_eviction);
    }
    if (server_.TellsOfKeyChanges()) {
      TellOfKeyChange(server_, victim.db_index, victim.entry.key(), config::kNotifyEvicted,
                      "evicted");
      NoteTold();
    }
    used_before = static_cast<std::int64_t>(server_.UsedMemoryBytes());
    const std::size_t waiting = database.DiscardedCount();
    database.Delete(victim.entry);
    if (!server_.Config().lazyfree_lazy_eviction) database.FreeDiscardedBeyond(waiting);
  }
  return used_before - static_cast<std::int64_t>(server_.UsedMemoryBytes());
}

// ---- Who goes ----

Evictor::Victim Evictor::ChooseVictim() {
  const Policy policy = server_.Config().maxmemory_policy;
  if (policy != pool_policy_) pool_.Clear();
  pool_policy_ = policy;
  switch (policy) {
    case Policy::kNoeviction:
      return {};
    case Policy::kAllkeysRandom:
    case Policy::kVolatileRandom:
      return ChooseAny(IsVolatile(policy));
    case Policy::kVolatileTtl:
      return ChooseFirst(EvictionOrder::kSoonestDue, true);
    case Policy::kAllkeysLru:
    case Policy::kVolatileLru:
      return ChooseFirst(EvictionOrder::kLongestUnused, IsVolatile(policy));
    case Policy::kAllkeysLfu:
    case Policy::kVolatileLfu:
      return ChooseFirst(EvictionOrder::kLeastUsed, IsVolatile(policy));
  }
  return {};
}

// The databases take turns.
Evictor::Victim Evictor::ChooseAny(bool is_volatile) {
  for (int tries = 0; tries < server_.DatabaseCount(); ++tries) {
    last_db_ = (last_db_ + 1) % server_.DatabaseCount();
    Keyspace* database = server_.DatabaseIfUsed(last_db_);
    if (database == nullptr) continue;
    Entry chosen;
    if (is_volatile) {
      database->SampleVolatile(1, [&](const Entry& entry) {
        if (!database->IsSlotHidden(entry.slot())) chosen = entry;
      });
    } else {
      chosen = database->RandomEntry(server_.now_ms);
    }
    if (chosen) return {last_db_, chosen};
  }
  return {};
}

Evictor::Victim Evictor::ChooseFirst(EvictionOrder order, bool is_volatile) {
  // Nothing but marks that are out of date may be in the pool, and few of those.
  for (std::size_t tries = 0; tries <= EvictionPool::kCapacity; ++tries) {
    if (is_volatile) {
      SampleVolatile(order);
    } else {
      SampleAll(order);
    }
    while (!pool_.IsEmpty()) {
      EvictionPool::Candidate candidate = pool_.TakeBest();
      const Keyspace* database = server_.DatabaseIfUsed(candidate.db_index);
      if (database == nullptr) continue;
      const Entry entry = database->FindMarked(candidate.mark);
      if (!entry || (is_volatile && !entry.expire_at_ms())) continue;
      const std::uint64_t rank = database->EvictionRank(entry, order, server_.now_ms);
      if (rank >= candidate.rank) return {candidate.db_index, entry};
      candidate.rank = rank;  // it was used since
      pool_.Offer(candidate);
    }
  }
  return {};
}

// One walk over all databases: each key has its turn, and a turn is never far.
void Evictor::SampleAll(EvictionOrder order) {
  auto wanted = server_.Config().maxmemory_samples;
  for (int ended = 0; wanted > 0 && ended <= server_.DatabaseCount();) {
    Keyspace* database = server_.DatabaseIfUsed(walk_db_);
    if (database == nullptr || database->Size() == 0) {
      walk_cursor_ = 0;
    } else {
      walk_cursor_ = database->SampleFrom(walk_cursor_, static_cast<std::size_t>(wanted),
                                          [&](const Entry& entry) {
                                            --wanted;
                                            Offer(walk_db_, entry, order);
                                          });
    }
    if (walk_cursor_ != 0) continue;
    walk_db_ = (walk_db_ + 1) % server_.DatabaseCount();
    ++ended;
  }
}

void Evictor::SampleVolatile(EvictionOrder order) {
  const auto wanted = static_cast<std::size_t>(server_.Config().maxmemory_samples);
  for (int i = 0; i < server_.DatabaseCount(); ++i) {
    Keyspace* database = server_.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    database->SampleVolatile(wanted, [&](const Entry& entry) { Offer(i, entry, order); });
  }
}

void Evictor::Offer(int db_index, const Entry& entry, EvictionOrder order) {
  const Keyspace& database = *server_.DatabaseIfUsed(db_index);
  // What is on its way here is somebody else's still.
  if (database.IsSlotHidden(entry.slot())) return;
  const std::uint64_t rank = database.EvictionRank(entry, order, server_.now_ms);
  if (pool_.HasPlaceFor(rank)) pool_.Offer({rank, database.MarkOf(entry), db_index});
}

}  // namespace slotway::storage
