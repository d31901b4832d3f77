// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/sorted_set_handle.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {

SortedSetHandle SortedSetHandle::Create(Keyspace& keyspace, const KeyRef& key,
                                        std::int64_t now_ms) {
  const Entry entry = keyspace.SetBytes(key.slot, key.key, kType, Encoding::kListpack,
                                        Listpack().bytes(), TtlChange::Clear(), now_ms);
  return {keyspace, entry};
}

void SortedSetHandle::Store(Keyspace& keyspace, const KeyRef& key,
                            std::unique_ptr<SortedSetTable> set, const SortedSetLimits& limits,
                            std::int64_t now_ms) {
  const std::size_t count = set->ElementCount();
  Listpack listpack;
  bool is_small = count <= limits.listpack_entries_max;
  if (is_small) {
    set->Visit({0, count}, false, [&](const ScoredMember& item) {
      ScoreText text;
      is_small = is_small && item.member.size() <= limits.listpack_value_bytes_max;
      if (!is_small) return;
      listpack.Append(item.member);
      listpack.Append(text.Print(item.score));
    });
  }
  if (is_small) {
    keyspace.SetBytes(key.slot, key.key, kType, Encoding::kListpack, listpack.bytes(),
                      TtlChange::Clear(), now_ms);
  } else {
    keyspace.SetObject(key.slot, key.key, kType, Encoding::kSkiplist, std::move(set),
                       TtlChange::Clear(), now_ms);
  }
}

std::size_t SortedSetHandle::Size() const {
  return IsTable() ? table().ElementCount() : reader().Count();
}

std::optional<double> SortedSetHandle::ScoreOf(std::string_view member) const {
  if (IsTable()) return table().ScoreOf(member);
  const SortedSetReader items = reader();
  const std::size_t at = items.Find(member);
  if (at == items.End()) return std::nullopt;
  return items.ScoreAt(at);
}

std::optional<std::size_t> SortedSetHandle::RankOf(std::string_view member) const {
  if (IsTable()) return table().RankOf(member);
  const SortedSetReader items = reader();
  const std::size_t at = items.Find(member);
  if (at == items.End()) return std::nullopt;
  return items.RankAt(at);
}

bool SortedSetHandle::SetInListpack(std::size_t position, const ScoredMember& item,
                                    const SortedSetLimits& limits) {
  if (position != reader().End()) {
    listpack().Erase(position, 2);
  } else if (Size() >= limits.listpack_entries_max ||
             item.member.size() > limits.listpack_value_bytes_max) {
    return false;
  }
  ScoreText text;
  const std::size_t place = reader().PlaceFor(item);
  listpack().Insert(place, text.Print(item.score));
  listpack().Insert(place, item.member);
  return true;
}

void SortedSetHandle::ConvertToTable() {
  auto object = std::make_unique<SortedSetTable>(keyspace_->arena(), keyspace_->hash_seed());
  ForEach([&](const ScoredMember& item) { object->Append(item); });
  entry_ = keyspace_->ReplaceObject(entry_, Encoding::kSkiplist, std::move(object));
}

bool SortedSetHandle::Delete(std::string_view member) {
  if (IsTable()) {
    const std::size_t bytes_before = table().MemoryBytes();
    const bool existed = table().Delete(member);
    keyspace_->ObjectChanged(entry_, bytes_before);
    return existed;
  }
  const std::size_t at = reader().Find(member);
  if (at == reader().End()) return false;
  listpack().Erase(at, 2);
  return true;
}

RankRange SortedSetHandle::RanksOf(const ScoreRange& range) const {
  return IsTable() ? table().RanksOf(range) : reader().RanksOf(range);
}

RankRange SortedSetHandle::RanksOf(const LexRange& range) const {
  return IsTable() ? table().RanksOf(range) : reader().RanksOf(range);
}

void SortedSetHandle::DeleteRanks(const RankRange& ranks) {
  if (ranks.count == 0) return;
  if (IsTable()) {
    const std::size_t bytes_before = table().MemoryBytes();
    table().DeleteRanks(ranks);
    keyspace_->ObjectChanged(entry_, bytes_before);
    return;
  }
  listpack().Erase(reader().PositionOf(ranks.first), 2 * ranks.count);
}

}  // namespace slotway::storage
