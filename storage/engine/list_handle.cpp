// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/list_handle.h"

#include <memory>
#include <utility>

namespace slotway::storage {

ListHandle ListHandle::Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) {
  const Entry entry = keyspace.SetBytes(key.slot, key.key, kType, Encoding::kListpack,
                                        Listpack().bytes(), TtlChange::Clear(), now_ms);
  return {keyspace, entry};
}

std::size_t ListHandle::Size() const {
  return IsQuicklist() ? list().ElementCount() : reader().Count();
}

void ListHandle::MakeRoom(std::size_t text_bytes, std::size_t count, const ListLimits& limits) {
  if (IsQuicklist()) return;
  const std::string_view bytes = entry_.Bytes();
  if (FitsInListpack(limits, bytes.size() + text_bytes, reader().Count() + count)) return;
  auto object = std::make_unique<Quicklist>(Listpack(bytes));
  entry_ = keyspace_->ReplaceObject(entry_, Encoding::kQuicklist, std::move(object));
}

void ListHandle::GiveRoomBack(const ListLimits& limits) {
  if (!IsQuicklist() || list().NodeCount() != 1) return;
  const std::string_view bytes = list().NodeBytes(0);
  if (!FitsInHalfAListpack(limits, bytes.size(), list().ElementCount())) return;
  // A copy: the object goes while its bytes are taken over.
  const Listpack listpack(bytes);
  entry_ = keyspace_->ReplaceBytes(entry_, Encoding::kListpack, listpack.bytes());
}

ListHandle::Position ListHandle::Next(Position position) const {
  if (IsQuicklist()) return list().Next(position);
  return {0, reader().Next(position.offset)};
}

ListHandle::Position ListHandle::Previous(Position position) const {
  if (IsQuicklist()) return list().Previous(position);
  return {0, reader().Previous(position.offset)};
}

ListHandle::Position ListHandle::Seek(std::int64_t index) const {
  if (IsQuicklist()) return list().Seek(index);
  return {0, reader().Seek(index)};
}

template <class ChangeFn>
void ListHandle::ChangeQuicklist(ChangeFn&& change) {
  const std::size_t bytes_before = list().MemoryBytes();
  change(list());
  keyspace_->ObjectChanged(entry_, bytes_before);
}

void ListHandle::Insert(Position position, std::string_view text, const ListLimits& limits) {
  if (!IsQuicklist()) {
    listpack().Insert(position.offset, text);
    return;
  }
  ChangeQuicklist([&](Quicklist& list) {
    const bool is_front = position.node == 0 && position.offset == ListpackReader::kHeaderBytes;
    if (is_front) {
      list.PushFront(text, limits);
    } else {
      list.Insert(position, text, limits);
    }
  });
}

void ListHandle::Replace(Position position, std::string_view text, const ListLimits& limits) {
  if (!IsQuicklist()) {
    listpack().Replace(position.offset, text);
    return;
  }
  ChangeQuicklist([&](Quicklist& list) { list.Replace(position, text, limits); });
}

ListHandle::Position ListHandle::Erase(Position position) {
  if (!IsQuicklist()) {
    listpack().Erase(position.offset, 1);
    return position;
  }
  ChangeQuicklist([&](Quicklist& list) { position = list.Erase(position); });
  return position;
}

void ListHandle::EraseRange(std::size_t index, std::size_t count) {
  if (!IsQuicklist()) {
    const std::size_t at = reader().Seek(static_cast<std::int64_t>(index));
    if (at != reader().End()) listpack().Erase(at, count);
    return;
  }
  ChangeQuicklist([&](Quicklist& list) { list.EraseRange(index, count); });
}

}  // namespace slotway::storage
