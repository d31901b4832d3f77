// SPDX-License-Identifier: Apache-2.0
// A set key opened for reading and changing, whichever encoding it has.
//
// Few integers are an intset in the record, other small sets a listpack there, large ones a
// SetTable object; Add converts when a limit is passed and never back. Views are valid until the
// next call on this handle or the next change of the keyspace. An emptied set must be deleted by
// the caller (Size() == 0, then keyspace.Delete(entry())). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/engine/record_intset.h"
#include "storage/engine/record_listpack.h"
#include "storage/memory/random_choice.h"
#include "storage/types/listpack_index.h"
#include "storage/types/set_value.h"
#include "storage/types/value_limits.h"

namespace slotway::storage {

class SetHandle {
 public:
  static constexpr ValueType kType = ValueType::kSet;

  // REQUIRES: entry.type() == kType. The handle stays valid while only it changes the keyspace.
  SetHandle(Keyspace& keyspace, const Entry& entry) : keyspace_(&keyspace), entry_(entry) {}

  // A new, empty set under `key`, overwriting what was there; Add must follow.
  static SetHandle Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms);
  // Overwrites what was there with a set, in the encoding that suits it. REQUIRES: it is not empty.
  static void Store(Keyspace& keyspace, const KeyRef& key, std::unique_ptr<SetTable> set,
                    const SetLimits& limits, std::int64_t now_ms);

  const Entry& entry() const { return entry_; }
  std::size_t Size() const;
  bool Contains(std::string_view member) const;
  // For many lookups: nothing if Contains is as quick. Valid as long as a view.
  std::optional<ListpackIndex> IndexForLookups() const;
  // To be called before `count` members are added, the first of which is `first`: takes the
  // encoding for that many at once.
  void Expect(std::size_t count, std::string_view first, const SetLimits& limits);
  // True when the member is new. It must not point into this set.
  bool Add(std::string_view member, const SetLimits& limits);
  // True when the member was there. It must not point into this set.
  bool Remove(std::string_view member);

  // visit(member) for all; must not change the keyspace.
  template <class VisitFn>
  void ForEach(VisitFn&& visit) const;
  // visit(member) while it returns true.
  template <class VisitFn>
  void VisitWhile(VisitFn&& visit) const;
  // Like Keyspace::Scan, for members. What is in the record is visited whole in one call.
  template <class VisitFn>
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;

  // `next` returns uniform 64-bit numbers.
  // visit(member) `count` times, each time with one of all, all equally likely. REQUIRES: Size() >
  // 0
  template <class RandomFn, class VisitFn>
  void VisitRandom(std::uint64_t count, RandomFn&& next, VisitFn&& visit) const;
  // The same for `count` different members, every choice equally likely, in no certain order.
  // REQUIRES: count <= Size().
  template <class RandomFn, class VisitFn>
  void VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const;

 private:
  bool IsTable() const { return entry_.encoding() == Encoding::kHashtable; }
  bool IsIntset() const { return entry_.encoding() == Encoding::kIntset; }
  SetTable& table() const { return static_cast<SetTable&>(*entry_.Object()); }
  ListpackReader listpack() const { return ListpackReader(entry_.Bytes()); }
  IntsetReader intset() const { return IntsetReader(entry_.Bytes()); }

  // False when the member does not fit in, for its length or because there are too many.
  bool AddToListpack(std::string_view member, const SetLimits& limits);
  bool AddToTable(std::string_view member);
  void ConvertToListpack();
  void ConvertToTable();

  Keyspace* keyspace_;
  Entry entry_;
};

template <class VisitFn>
void SetHandle::ForEach(VisitFn&& visit) const {
  if (IsTable()) {
    table().ForEach(visit);
    return;
  }
  VisitWhile([&visit](std::string_view member) {
    visit(member);
    return true;
  });
}

template <class VisitFn>
void SetHandle::VisitWhile(VisitFn&& visit) const {
  bool goes_on = true;
  NumberText digits;
  if (IsIntset()) {
    const IntsetReader numbers = intset();
    for (std::size_t i = 0; goes_on && i < numbers.Count(); ++i) {
      goes_on = visit(digits.Print(numbers.At(i)));
    }
    return;
  }
  if (!IsTable()) {
    const ListpackReader members = listpack();
    for (std::size_t at = members.Begin(); goes_on && at != members.End(); at = members.Next(at)) {
      goes_on = visit(members.At(at).Text(digits));
    }
    return;
  }
  std::uint64_t cursor = 0;
  do {
    cursor = table().Scan(cursor, 1,
                          [&](std::string_view member) { goes_on = goes_on && visit(member); });
  } while (goes_on && cursor != 0);
}

template <class VisitFn>
std::uint64_t SetHandle::Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const {
  if (IsTable()) return table().Scan(cursor, count, visit);
  ForEach(visit);
  return 0;
}

template <class RandomFn, class VisitFn>
void SetHandle::VisitRandom(std::uint64_t count, RandomFn&& next, VisitFn&& visit) const {
  if (IsTable()) {
    for (; count > 0; --count) table().VisitRandom(next, visit);
    return;
  }
  NumberText digits;
  if (IsIntset()) {
    const IntsetReader numbers = intset();
    for (; count > 0; --count) visit(digits.Print(numbers.At(next() % numbers.Count())));
    return;
  }
  const ListpackReader members = listpack();
  if (count == 1) {
    visit(members.At(members.Seek(static_cast<std::int64_t>(next() % Size()))).Text(digits));
    return;
  }
  std::vector<std::size_t> positions;
  for (std::size_t at = members.Begin(); at != members.End(); at = members.Next(at)) {
    positions.push_back(at);
  }
  for (; count > 0; --count) visit(members.At(positions[next() % positions.size()]).Text(digits));
}

template <class RandomFn, class VisitFn>
void SetHandle::VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const {
  if (IsTable()) {
    table().VisitRandomDistinct(count, next, visit);
    return;
  }
  Selection selection(count, Size());
  VisitWhile([&](std::string_view member) {
    if (selection.TakesNext(next)) visit(member);
    return !selection.IsDone();
  });
}

}  // namespace slotway::storage
