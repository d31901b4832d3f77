// SPDX-License-Identifier: Apache-2.0
// A list key opened for reading and changing, whichever encoding it has.
//
// Small lists are one listpack in the record, long ones a Quicklist object. Positions and views end
// with the next change of the list or of the keyspace. An emptied list must be deleted by the
// caller (Size() == 0, then keyspace.Delete(entry())). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/engine/record_listpack.h"
#include "storage/types/quicklist.h"

namespace slotway::storage {

class ListHandle {
 public:
  static constexpr ValueType kType = ValueType::kList;
  using Position = Quicklist::Position;

  // REQUIRES: entry.type() == kType. The handle stays valid while only it changes the keyspace.
  ListHandle(Keyspace& keyspace, const Entry& entry) : keyspace_(&keyspace), entry_(entry) {}

  // A new, empty list under `key`, overwriting what was there; an element must follow.
  static ListHandle Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms);

  const Entry& entry() const { return entry_; }
  std::size_t Size() const;

  // To be called before `count` elements are added or replaced, whose texts have `text_bytes`
  // together: a listpack that would become too large makes way.
  void MakeRoom(std::size_t text_bytes, std::size_t count, const ListLimits& limits);
  // To be called after elements were removed or replaced: a list that is short becomes a listpack.
  void GiveRoomBack(const ListLimits& limits);

  Position Begin() const { return {0, ListpackReader::kHeaderBytes}; }
  Position End() const { return IsQuicklist() ? list().End() : Position{0, reader().End()}; }
  bool IsEnd(Position position) const {
    return IsQuicklist() ? list().IsEnd(position) : position.offset == reader().End();
  }
  // REQUIRES of these: the position is of an element, but Insert and Previous take End(), too.
  Position Next(Position position) const;
  Position Previous(Position position) const;
  // End() when there is no such element. From the end when negative.
  Position Seek(std::int64_t index) const;
  ListpackElement At(Position position) const {
    return IsQuicklist() ? list().At(position) : reader().At(position.offset);
  }
  void Insert(Position position, std::string_view text, const ListLimits& limits);
  void Replace(Position position, std::string_view text, const ListLimits& limits);
  // Returns the position of the element behind it.
  Position Erase(Position position);
  // `count` elements from the one with this index on, as far as there are any.
  void EraseRange(std::size_t index, std::size_t count);

  void PushFront(std::string_view text, const ListLimits& limits) { Insert(Begin(), text, limits); }
  void PushBack(std::string_view text, const ListLimits& limits) { Insert(End(), text, limits); }

 private:
  bool IsQuicklist() const { return entry_.encoding() == Encoding::kQuicklist; }
  Quicklist& list() const { return static_cast<Quicklist&>(*entry_.Object()); }
  ListpackReader reader() const { return ListpackReader(entry_.Bytes()); }
  RecordListpack listpack() { return {*keyspace_, entry_}; }
  // change(Quicklist&); keeps the keyspace's account of its memory.
  template <class ChangeFn>
  void ChangeQuicklist(ChangeFn&& change);

  Keyspace* keyspace_;
  Entry entry_;
};

}  // namespace slotway::storage
