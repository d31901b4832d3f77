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
  ExpireProgress progress;
  progress.more =
      !impl.wheel.Advance(now_ms, max_tokens, [&](ExpiryWheel::Token token, std::uint16_t place) {
        return impl.FireToken(token, place, now_ms, progress.expired);
      });
  if (progress.more) return progress;
  const bool has_many_stale = impl.wheel.token_count() > 2 * impl.with_expiry + kStaleTokensMin;
  if (has_many_stale || impl.wheel.sweeping()) {
    impl.wheel.Sweep(max_tokens, [&](ExpiryWheel::Token token, std::uint16_t place) {
      return impl.KeepToken(token, place);
    });
  }
  return progress;
}

void Keyspace::Impl::CollectTokenRecords(ExpiryWheel::Token token, std::uint16_t place) {
  token_refs.clear();
  if (!slots) return;
  const auto slot = static_cast<protocol::Slot>(token >> kTokenHashBits);
  constexpr std::uint64_t kSpan = ElasticTable::kPositionEnd >> kTokenHashBits;
  const std::uint64_t first = (token & ((1u << kTokenHashBits) - 1)) * kSpan;
  KeysOf(slot).table.VisitRange(first, first + kSpan, [&](Spot spot) {
    const Record record(arena.At(spot.ref()));
    if (!record.HasExpiryWord()) return;
    if ((record.Expiry().token & ExpiryWheel::kPlaceMask) != place) return;
    if (TokenOf(slot, Hash(record.Key())) == token) token_refs.push_back(spot.ref());
  });
}

// Several records may share a token value and a place: each fires for all.
std::size_t Keyspace::Impl::FireToken(ExpiryWheel::Token token, std::uint16_t place,
                                      std::int64_t now_ms, std::size_t& expired) {
  std::size_t work = 1;
  const auto slot = static_cast<protocol::Slot>(token >> kTokenHashBits);
  CollectTokenRecords(token, place);
  for (const ArenaRef ref : token_refs) {
    Record record(arena.At(ref));
    ExpiryWord word = record.Expiry();
    if (word.at_ms == ExpiryWord::kNoTtl) {
      record.SetExpiry({});
    } else if (word.at_ms >= now_ms) {
      word.token = wheel.Add(token, word.at_ms);
      record.SetExpiry(word);
    } else if (mode != ExpiryMode::kDelete) {
      word.token = wheel.Add(token, now_ms + kHiddenRecheckMs);
      record.SetExpiry(word);
    } else {
      const std::uint64_t hash = Hash(record.Key());
      const Spot spot = KeysOf(slot).table.Find(hash, [&](ArenaRef other) { return other == ref; });
      work += WorkToFree(record);
      Expire(EntryAt(slot, spot), hash);
      ++expired;
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
