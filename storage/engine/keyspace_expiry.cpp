// SPDX-License-Identifier: Apache-2.0
// Times to live: keeping records and wheel in step, and deleting what is due.
#include <algorithm>
#include <cstring>

#include "storage/engine/keyspace_impl.h"

namespace slotway::storage {
namespace {

// A due key that may not be deleted in this mode is looked at again after this time.
constexpr std::int64_t kHiddenRecheckMs = 1000;

// Stale tokens are swept out once they outnumber the useful ones by this many.
constexpr std::size_t kStaleTokensMin = 8192;

}  // namespace

Entry Keyspace::SetExpiry(const Entry& entry, std::int64_t at_ms) {
  return impl_->SetDeadline(entry, at_ms);
}

// The word and the token stay: setting a TTL again is likely, and needs neither to be made anew.
bool Keyspace::ClearExpiry(const Entry& entry) {
  Record record = entry.record_;
  if (!record.ExpireAtMs()) return false;
  record.SetExpiry({ExpiryWord::kNoTtl, record.Expiry().token});
  --impl_->with_expiry;
  return true;
}

Entry Keyspace::Impl::SetDeadline(const Entry& entry, std::int64_t at_ms) {
  Entry result = entry;
  if (!entry.record_.HasExpiryWord()) {
    Record::Shape shape = entry.record_.GetShape();
    shape.has_expiry_word = true;
    const Record record = CopyFrame(entry.record_, shape, shape.TotalBytes());
    std::memcpy(record.ValueArea(), entry.record_.ValueArea(), shape.value_bytes);
    result = Swap(entry, record);
  }
  Record record = result.record_;
  ExpiryWord word = record.Expiry();
  if (word.at_ms == ExpiryWord::kNoTtl) ++with_expiry;
  word.at_ms = std::clamp<std::int64_t>(at_ms, 0, ExpiryWord::kNoTtl - 1);
  if (!wheel.Covers(word.token, word.at_ms)) {
    word.token = wheel.Add(TokenOf(entry.slot_, Hash(record.Key())), word.at_ms);
  }
  record.SetExpiry(word);
  return result;
}

Keyspace::ExpireProgress Keyspace::ExpireDue(std::int64_t now_ms, std::size_t max_tokens) {
  Impl& impl = *impl_;
  impl.expire_now_ms = now_ms;
  const std::size_t expired_before = impl.expired_count;
  const bool reached_all = impl.wheel.Advance(now_ms, max_tokens, impl);
  if (reached_all) {
    const bool has_many_stale = impl.wheel.token_count() > 2 * impl.with_expiry + kStaleTokensMin;
    if (has_many_stale || impl.wheel.sweeping()) impl.wheel.Sweep(max_tokens, impl);
  }
  return {.expired = impl.expired_count - expired_before, .more = !reached_all};
}

// visit(Spot) for every entry that a token may mean, and maybe for some others.
template <class VisitFn>
void Keyspace::Impl::VisitToken(ExpiryWheel::Token token, VisitFn&& visit) const {
  if (!slots) return;
  constexpr std::uint64_t kSpan = ElasticTable::kPositionEnd >> kTokenHashBits;
  const std::uint64_t first = (token & ((1u << kTokenHashBits) - 1)) * kSpan;
  KeysOf(SlotOf(token)).table.VisitRange(first, first + kSpan, visit);
}

void Keyspace::Impl::PrefetchBuckets(ExpiryWheel::Token token) const {
  const std::uint64_t hash = std::uint64_t{token} << (64 - kTokenHashBits);
  if (slots) KeysOf(SlotOf(token)).table.PrefetchHome(hash);
}

void Keyspace::Impl::PrefetchRecords(ExpiryWheel::Token token) const {
  VisitToken(token, [&](Spot spot) { __builtin_prefetch(arena.At(spot.ref())); });
}

void Keyspace::Impl::CollectTokenRecords(ExpiryWheel::Token token, std::uint16_t place) {
  token_refs.clear();
  VisitToken(token, [&](Spot spot) {
    const Record record(arena.At(spot.ref()));
    if (!record.HasExpiryWord()) return;
    if ((record.Expiry().token & ExpiryWheel::kPlaceMask) != place) return;
    if (TokenOf(SlotOf(token), Hash(record.Key())) == token) token_refs.push_back(spot.ref());
  });
}

// Several records may share a token value and a place: each fires for all.
std::size_t Keyspace::Impl::FireToken(ExpiryWheel::Token token, std::uint16_t place) {
  std::size_t work = 1;
  const protocol::Slot slot = SlotOf(token);
  CollectTokenRecords(token, place);
  for (const ArenaRef ref : token_refs) {
    Record record(arena.At(ref));
    ExpiryWord word = record.Expiry();
    if (word.at_ms == ExpiryWord::kNoTtl) {
      record.SetExpiry({});
    } else if (word.at_ms >= expire_now_ms) {
      word.token = wheel.Add(token, word.at_ms);
      record.SetExpiry(word);
    } else if (mode != ExpiryMode::kDelete) {
      word.token = wheel.Add(token, expire_now_ms + kHiddenRecheckMs);
      record.SetExpiry(word);
    } else {
      const std::uint64_t hash = Hash(record.Key());
      const Spot spot = KeysOf(slot).table.Find(hash, [&](ArenaRef other) { return other == ref; });
      ++work;
      Expire(EntryAt(slot, spot), hash);
      ++expired_count;
    }
  }
  return work;
}

bool Keyspace::Impl::KeepToken(ExpiryWheel::Token token, std::uint16_t place) {
  bool keep = false;
  CollectTokenRecords(token, place);
  for (const ArenaRef ref : token_refs) {
    Record record(arena.At(ref));
    ExpiryWord word = record.Expiry();
    if (word.at_ms == ExpiryWord::kNoTtl) {
      record.SetExpiry({});
    } else if ((word.token & ExpiryWheel::kMarkBit) != wheel.current_mark()) {
      word.token ^= ExpiryWheel::kMarkBit;
      record.SetExpiry(word);
      keep = true;
    }
  }
  return keep;
}

}  // namespace slotway::storage
