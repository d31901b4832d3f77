// SPDX-License-Identifier: Apache-2.0
#include "storage/types/sorted_set_value.h"

namespace slotway::storage {

SortedSetTable::~SortedSetTable() {
  FreeSome(SIZE_MAX);
  table_.Clear(memory_);
}

// First the members, then the nodes that refer to them. The table stays as it is: only so is the
// position good to go on from.
std::size_t SortedSetTable::FreeSome(std::size_t max_elements) {
  if (capture_ != nullptr && CaptureBeforeFreeing(*this, capture_->taker(), max_elements)) {
    return max_elements;
  }
  std::size_t freed = 0;
  while (freed < max_elements && freed_position_ < ElasticTable::kPositionEnd) {
    freed_position_ = table_.VisitFrom(freed_position_, [&](Spot spot) {
      FreeMember(spot.ref());
      ++freed;
    });
  }
  if (freed < max_elements) freed += order_.FreeSome(max_elements - freed);
  return freed;
}

std::unique_ptr<ValueObject> SortedSetTable::Clone() const {
  auto copy = std::make_unique<SortedSetTable>(memory_.arena, seed_);
  Visit({0, ElementCount()}, false, [&copy](const ScoredMember& item) { copy->Append(item); });
  return copy;
}

bool SortedSetTable::BeginCapture(ElementTaker& taker) {
  capture_ = std::make_unique<RankOrderCapture>(taker);
  return true;
}

bool SortedSetTable::CaptureSome(std::size_t max_elements) {
  return capture_->Step(memory_.arena, order_, max_elements,
                        [this](ArenaRef ref) { HandOut(ref); });
}

void SortedSetTable::HandOut(ArenaRef ref) {
  const ScoredMember item = At(ref).View();
  capture_->taker().Take({.name = item.member, .score = item.score});
}

std::optional<double> SortedSetTable::ScoreOf(std::string_view member) const {
  const Spot spot = Find(HashOf(member), member);
  if (!spot) return std::nullopt;
  return At(spot.ref()).Score();
}

std::optional<std::size_t> SortedSetTable::RankOf(std::string_view member) const {
  const Spot spot = Find(HashOf(member), member);
  if (!spot) return std::nullopt;
  return order_.RankOf(At(spot.ref()).View());
}

bool SortedSetTable::Delete(std::string_view member) {
  const std::uint64_t hash = HashOf(member);
  const Spot spot = Find(hash, member);
  if (!spot) return false;
  Remove(hash, spot);
  return true;
}

void SortedSetTable::DeleteRanks(const RankRange& ranks) {
  for (std::size_t left = ranks.count; left > 0; --left) {
    const ArenaRef ref = order_.At(ranks.first).ref();
    const std::uint64_t hash = HashOf(At(ref).Text());
    Remove(hash, table_.Find(hash, [ref](ArenaRef other) { return other == ref; }));
  }
}

void SortedSetTable::Append(const ScoredMember& item) {
  order_.Append(AddToTable(HashOf(item.member), item.member, item.score));
}

ArenaRef SortedSetTable::AddToTable(std::uint64_t hash, std::string_view member, double score) {
  std::byte* memory = memory_.arena.Allocate(SortedSetMember::BytesFor(member));
  SortedSetMember(memory).Format(score, member);
  member_bytes_ += memory_.arena.UsableBytes(memory);
  const ArenaRef ref = memory_.arena.RefOf(memory);
  table_.Insert(memory_, hash, ref, HashOfRef());
  if (capture_ != nullptr) [[unlikely]]
    capture_->Marks({score, member}, ref);
  return ref;
}

void SortedSetTable::SetScore(ArenaRef ref, double score) {
  Preserve(ref);
  order_.ChangeScore(ref, score);
  if (capture_ != nullptr) [[unlikely]]
    capture_->Marks(At(ref).View(), ref);
}

void SortedSetTable::Remove(std::uint64_t hash, Spot spot) {
  const ArenaRef ref = spot.ref();
  Preserve(ref);
  order_.Erase(ref);
  table_.Erase(memory_, hash, spot, HashOfRef());
  FreeMember(ref);
}

void SortedSetTable::FreeMember(ArenaRef ref) {
  std::byte* memory = memory_.arena.At(ref);
  member_bytes_ -= memory_.arena.UsableBytes(memory);
  memory_.arena.Free(memory);
}

}  // namespace slotway::storage
