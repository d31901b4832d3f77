// SPDX-License-Identifier: Apache-2.0
// Choosing keys to make room: samples, their ranks, and finding them again.
#include <algorithm>
#include <array>

#include "storage/engine/keyspace_impl.h"
#include "storage/engine/keyspace_visit.h"

namespace slotway::storage {
namespace {

// How many keys are brought into the cache together.
constexpr std::size_t kPrefetchBatch = 32;

}  // namespace

// What a walk meets is in the order of hashes, which has nothing to do with how it is used: as good
// a sample as one by lot, and better, since each key has its turn.
std::uint64_t Keyspace::SampleFrom(std::uint64_t cursor, std::size_t count,
                                   const EntryCallback& visit) {
  Impl& impl = *impl_;
  impl.sample.clear();
  const std::uint64_t next = impl.Walk(cursor, count, [&](protocol::Slot slot, Spot spot) {
    PrefetchLine(impl.arena.At(spot.ref()));
    impl.sample.push_back({slot, spot});
  });
  for (const auto& [slot, spot] : impl.sample) visit(impl.EntryAt(slot, spot));
  return next;
}

void Keyspace::SampleVolatile(std::size_t count, const EntryCallback& visit) {
  Impl& impl = *impl_;
  if (impl.with_expiry == 0 || impl.wheel.token_count() == 0) return;
  // Few tokens are stale, as a rule; while nearly all are, those that are not are looked for.
  constexpr std::size_t kRoundsMax = 8;
  std::size_t seen = 0;
  for (std::size_t round = 0; round < kRoundsMax && seen < count; ++round) {
    std::array<ExpiryWheel::Token, kPrefetchBatch> tokens;
    const std::size_t drawn = std::min(count - seen, kPrefetchBatch);
    for (std::size_t i = 0; i < drawn; ++i) {
      tokens[i] = impl.wheel.RandomToken([&] { return impl.NextRandom(); });
    }
    impl.PrefetchTokens({tokens.data(), drawn});
    for (std::size_t i = 0; i < drawn; ++i) seen += impl.VisitVolatile(tokens[i], visit);
  }
  if (seen > 0) return;
  impl.wheel.FindToken(impl.NextRandom(), [&](ExpiryWheel::Token token) {
    seen = impl.VisitVolatile(token, visit);
    return seen > 0;
  });
}

// The keys with a TTL that `token` may mean; returns how many.
std::size_t Keyspace::Impl::VisitVolatile(ExpiryWheel::Token token,
                                          const EntryCallback& visit) const {
  std::size_t seen = 0;
  const protocol::Slot slot = SlotOf(token);
  VisitToken(token, [&](Spot spot) {
    const Entry entry = EntryAt(slot, spot);
    if (!entry.expire_at_ms()) return;
    ++seen;
    visit(entry);
  });
  return seen;
}

std::uint64_t Keyspace::EvictionRank(const Entry& entry, EvictionOrder order,
                                     std::int64_t now_ms) const {
  const Record record = entry.record_;
  if (impl_->IsHidden(record, now_ms)) return kRankOfDue;
  switch (order) {
    case EvictionOrder::kLongestUnused:
      return LruRank(record.access(), now_ms);
    case EvictionOrder::kLeastUsed:
      return LfuRank(record.access(), impl_->options.access, now_ms);
    case EvictionOrder::kSoonestDue:
      return static_cast<std::uint64_t>(ExpiryWord::kNoTtl -
                                        record.ExpireAtMs().value_or(ExpiryWord::kNoTtl));
  }
  return 0;
}

KeyMark Keyspace::MarkOf(const Entry& entry) const {
  return {.hash = impl_->Hash(entry.key()),
          .ref = impl_->arena.RefOf(entry.record_.address()),
          .slot = entry.slot_};
}

Entry Keyspace::FindMarked(const KeyMark& mark) const {
  if (!impl_->slots) return {};
  const Spot spot =
      impl_->KeysOf(mark.slot).table.Find(mark.hash, [&](ArenaRef ref) { return ref == mark.ref; });
  return spot ? impl_->EntryAt(mark.slot, spot) : Entry();
}

bool Keyspace::DeleteIfDue(const Entry& entry, std::int64_t now_ms) {
  if (impl_->mode != ExpiryMode::kDelete || !impl_->IsHidden(entry.record_, now_ms)) return false;
  impl_->Expire(entry, impl_->Hash(entry.key()));
  return true;
}

}  // namespace slotway::storage
