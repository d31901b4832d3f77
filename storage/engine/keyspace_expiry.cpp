// SPDX-License-Identifier: Apache-2.0
// Times to live: keeping records and wheel in step, and deleting what is due.
#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/engine/keyspace_impl.h"
#include "storage/engine/keyspace_visit.h"

namespace slotway::storage {
namespace {

// A due key that may not be deleted in this mode is looked at again after this time.
constexpr std::int64_t kHiddenRecheckMs = 1000;

// Stale tokens are swept out once they outnumber the useful ones by this many.
constexpr std::size_t kStaleTokensMin = 8192;

// Tables are made smaller when so many keys have expired: what they hold too much is a few bytes a
// key.
constexpr std::size_t kExpiredUnshrunkMax = 4096;

}  // namespace

Entry Keyspace::SetExpiry(const Entry& entry, std::int64_t at_ms) {
  return impl_->SetDeadline(entry, at_ms);
}

// The word and the token stay: setting a TTL again is likely, and needs neither to be made anew.
bool Keyspace::ClearExpiry(const Entry& entry) {
  Record record = entry.record_;
  if (!record.ExpireAtMs()) return false;
  impl_->Preserve(entry);
  record.SetExpiry({ExpiryWord::kNoTtl, record.Expiry().token});
  --impl_->with_expiry;
  return true;
}

Entry Keyspace::Impl::SetDeadline(const Entry& entry, std::int64_t at_ms) {
  Preserve(entry);
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
  bool is_done = impl.wheel.Advance(now_ms, max_tokens, impl);
  const std::size_t expired = impl.expired_count - expired_before;
  impl.expired_unshrunk += expired;
  if (is_done) {
    const bool has_many_stale = impl.wheel.token_count() > 2 * impl.with_expiry + kStaleTokensMin;
    if (has_many_stale || impl.wheel.sweeping()) impl.wheel.Sweep(max_tokens, impl);
    if (impl.expired_unshrunk >= kExpiredUnshrunkMax || impl.IsShrinking()) {
      is_done = impl.ShrinkTables(max_tokens);
    }
  }
  return {.expired = expired, .more = !is_done};
}

bool Keyspace::Impl::ShrinkTables(std::size_t max_work) {
  // Looking at a table is a part of a unit of work, and so is moving an entry.
  constexpr std::size_t kPerUnit = 16;
  if (!slots) return true;
  if (!IsShrinking()) expired_unshrunk = 0;
  for (std::size_t moved = 0; moved < max_work * kPerUnit; ++moved) {
    shrink_part = slots[shrink_slot].table.ShrinkPart(table_memory, shrink_part, moved);
    if (shrink_part != 0) continue;
    shrink_slot = (shrink_slot + 1) % protocol::kSlotCount;
    if (shrink_slot == 0) return true;
  }
  return false;
}

// In steps, so that each one's wait for memory is over when the next needs what came.
void Keyspace::Impl::PrefetchTokens(std::span<const ExpiryWheel::Token> tokens) const {
  if (!slots) return;
  const auto table_of = [&](ExpiryWheel::Token token) -> const ElasticTable& {
    return KeysOf(SlotOf(token)).table;
  };
  const auto hash_of = [](ExpiryWheel::Token token) {
    return std::uint64_t{token} << (64 - kTokenHashBits);
  };
  for (const auto token : tokens) PrefetchLine(&KeysOf(SlotOf(token)));
  for (const auto token : tokens) table_of(token).PrefetchPath(hash_of(token));
  for (const auto token : tokens) table_of(token).PrefetchHome(hash_of(token));
  for (const auto token : tokens) {
    VisitToken(token, [&](Spot spot) {
      const std::byte* record = arena.At(spot.ref());
      PrefetchLine(record);
      PrefetchLine(record + 48);
    });
  }
}

void Keyspace::Impl::CollectTokenRecords(ExpiryWheel::Token token, std::uint16_t place) {
  token_records.clear();
  VisitToken(token, [&](Spot spot) {
    const Record record(arena.At(spot.ref()));
    if (!record.HasExpiryWord()) return;
    if ((record.Expiry().token & ExpiryWheel::kPlaceMask) != place) return;
    const std::uint64_t hash = Hash(record.Key());
    if (TokenOf(SlotOf(token), hash) == token) token_records.push_back({spot, spot.ref(), hash});
  });
}

// Several records may share a token value and a place: each fires for all.
std::size_t Keyspace::Impl::FireToken(ExpiryWheel::Token token, std::uint16_t place) {
  std::size_t work = 1;
  const protocol::Slot slot = SlotOf(token);
  CollectTokenRecords(token, place);
  bool has_table_changed = false;
  for (const TokenRecord& found : token_records) {
    Record record(arena.At(found.ref));
    ExpiryWord word = record.Expiry();
    if (word.at_ms == ExpiryWord::kNoTtl) {
      record.SetExpiry({});
    } else if (word.at_ms >= expire_now_ms) {
      word.token = wheel.Add(token, word.at_ms);
      record.SetExpiry(word);
    } else if (mode != ExpiryMode::kDelete || IsSlotHidden(slot)) {
      word.token = wheel.Add(token, expire_now_ms + kHiddenRecheckMs);
      record.SetExpiry(word);
    } else {
      Spot spot = found.spot;
      if (std::exchange(has_table_changed, true)) {
        spot = KeysOf(slot).table.Find(found.hash, [&](ArenaRef ref) { return ref == found.ref; });
      }
      ++work;
      Expire(EntryAt(slot, spot), found.hash, Shrinking::kLater);
      ++expired_count;
    }
  }
  return work;
}

bool Keyspace::Impl::KeepToken(ExpiryWheel::Token token, std::uint16_t place) {
  bool keep = false;
  CollectTokenRecords(token, place);
  for (const TokenRecord& found : token_records) {
    Record record(arena.At(found.ref));
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
