// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/set_handle.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

// The members as numbers, ascending; empty when there are too many or one is no number.
std::vector<std::int64_t> NumbersOf(const SetTable& set, std::size_t count_max) {
  std::vector<std::int64_t> numbers;
  if (set.ElementCount() > count_max) return numbers;
  bool are_numbers = true;
  set.ForEach([&](std::string_view member) {
    const auto number = are_numbers ? CanonicalNumber(member) : std::nullopt;
    are_numbers = number.has_value();
    if (are_numbers) numbers.push_back(*number);
  });
  if (!are_numbers) numbers.clear();
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Nothing when there are too many members or one is too long.
std::optional<Listpack> ListpackOf(const SetTable& set, const SetLimits& limits) {
  if (set.ElementCount() > limits.listpack_entries_max) return std::nullopt;
  Listpack listpack;
  bool fits = true;
  set.ForEach([&](std::string_view member) {
    fits = fits && member.size() <= limits.listpack_value_bytes_max;
    if (fits) listpack.Append(member);
  });
  if (!fits) return std::nullopt;
  return listpack;
}

}  // namespace

SetHandle SetHandle::Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) {
  const Entry entry = keyspace.SetBytes(key.slot, key.key, kType, Encoding::kIntset, MakeIntset({}),
                                        TtlChange::Clear(), now_ms);
  return {keyspace, entry};
}

void SetHandle::Store(Keyspace& keyspace, const KeyRef& key, std::unique_ptr<SetTable> set,
                      const SetLimits& limits, std::int64_t now_ms) {
  const std::vector<std::int64_t> numbers = NumbersOf(*set, limits.intset_entries_max);
  if (!numbers.empty()) {
    keyspace.SetBytes(key.slot, key.key, kType, Encoding::kIntset, MakeIntset(numbers),
                      TtlChange::Clear(), now_ms);
  } else if (const auto listpack = ListpackOf(*set, limits)) {
    keyspace.SetBytes(key.slot, key.key, kType, Encoding::kListpack, listpack->bytes(),
                      TtlChange::Clear(), now_ms);
  } else {
    keyspace.SetObject(key.slot, key.key, kType, Encoding::kHashtable, std::move(set),
                       TtlChange::Clear(), now_ms);
  }
}

std::size_t SetHandle::Size() const {
  if (IsTable()) return table().ElementCount();
  return IsIntset() ? intset().Count() : listpack().Count();
}

bool SetHandle::Contains(std::string_view member) const {
  if (IsTable()) return table().Contains(member);
  if (IsIntset()) {
    const auto number = CanonicalNumber(member);
    return number && intset().Contains(*number);
  }
  return listpack().Find(member, listpack().Begin(), 1) != listpack().End();
}

std::optional<ListpackIndex> SetHandle::IndexForLookups() const {
  if (IsTable() || IsIntset()) return std::nullopt;
  return ListpackIndex(entry_.Bytes(), keyspace_->hash_seed());
}

void SetHandle::Expect(std::size_t count, std::string_view first, const SetLimits& limits) {
  if (IsTable()) return;
  if (Size() > 0) {
    if (count > (IsIntset() ? limits.intset_entries_max : limits.listpack_entries_max)) {
      ConvertToTable();
    }
    return;
  }
  if (count <= limits.intset_entries_max && CanonicalNumber(first)) return;
  count <= limits.listpack_entries_max ? ConvertToListpack() : ConvertToTable();
}

bool SetHandle::Add(std::string_view member, const SetLimits& limits) {
  if (IsTable()) return AddToTable(member);
  if (IsIntset()) {
    if (const auto number = CanonicalNumber(member)) {
      const bool is_new = RecordIntset(*keyspace_, entry_).Add(*number);
      if (is_new && Size() > limits.intset_entries_max) ConvertToTable();
      return is_new;
    }
    NumberText digits;
    const std::size_t longest = Size() == 0
                                    ? 0
                                    : std::max(digits.Print(intset().At(0)).size(),
                                               digits.Print(intset().At(Size() - 1)).size());
    if (Size() >= limits.listpack_entries_max || longest > limits.listpack_value_bytes_max ||
        member.size() > limits.listpack_value_bytes_max) {
      ConvertToTable();
      return AddToTable(member);
    }
    ConvertToListpack();
  } else if (Contains(member)) {
    return false;
  }
  if (AddToListpack(member, limits)) return true;
  ConvertToTable();
  return AddToTable(member);
}

bool SetHandle::AddToListpack(std::string_view member, const SetLimits& limits) {
  if (Size() >= limits.listpack_entries_max || member.size() > limits.listpack_value_bytes_max) {
    return false;
  }
  RecordListpack(*keyspace_, entry_).Append(member);
  return true;
}

bool SetHandle::AddToTable(std::string_view member) {
  const std::size_t bytes_before = table().MemoryBytes();
  const bool is_new = table().Add(member);
  keyspace_->ObjectChanged(entry_, bytes_before);
  return is_new;
}

void SetHandle::ConvertToListpack() {
  Listpack members;
  ForEach([&members](std::string_view member) { members.Append(member); });
  entry_ = keyspace_->ReplaceBytes(entry_, Encoding::kListpack, members.bytes());
}

void SetHandle::ConvertToTable() {
  auto object = std::make_unique<SetTable>(keyspace_->arena(), keyspace_->hash_seed());
  ForEach([&object](std::string_view member) { object->Add(member); });
  entry_ = keyspace_->ReplaceObject(entry_, Encoding::kHashtable, std::move(object));
}

bool SetHandle::Remove(std::string_view member) {
  if (IsTable()) {
    const std::size_t bytes_before = table().MemoryBytes();
    const bool existed = table().Remove(member);
    keyspace_->ObjectChanged(entry_, bytes_before);
    return existed;
  }
  if (IsIntset()) {
    const auto number = CanonicalNumber(member);
    return number && RecordIntset(*keyspace_, entry_).Remove(*number);
  }
  const std::size_t at = listpack().Find(member, listpack().Begin(), 1);
  if (at == listpack().End()) return false;
  RecordListpack(*keyspace_, entry_).Erase(at, 1);
  return true;
}

}  // namespace slotway::storage
