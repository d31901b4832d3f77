// SPDX-License-Identifier: Apache-2.0
// A listpack that lives in a record, changed in its place.
//
// The entry stays valid while only this changes the keyspace; views and positions end with each
// change. Engine thread only.
#pragma once

#include <cstring>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/types/listpack.h"

namespace slotway::storage {

class RecordListpack {
 public:
  // REQUIRES: the entry's encoding is kListpack.
  RecordListpack(Keyspace& keyspace, Entry& entry) : keyspace_(keyspace), entry_(entry) {}

  ListpackReader reader() const { return ListpackReader(entry_.Bytes()); }

  // As Listpack's. The text must not point into the record.
  void Append(std::string_view text) { Insert(reader().End(), text); }
  void Insert(std::size_t position, std::string_view text) {
    const EncodedElement element(text);
    Apply(SpliceToInsert(entry_.Bytes(), position, element));
  }
  void Replace(std::size_t position, std::string_view text) {
    const EncodedElement element(text);
    Apply(SpliceToReplace(entry_.Bytes(), position, element));
  }
  void Erase(std::size_t position, std::size_t count) {
    Apply(SpliceToErase(entry_.Bytes(), position, count));
  }

 private:
  void Apply(const ListpackSplice& splice) {
    entry_ = keyspace_.SpliceBytes(entry_, splice.position, splice.erased_bytes, splice.inserted);
    std::memcpy(keyspace_.MutableBytes(entry_).data(), splice.header, sizeof splice.header);
  }

  Keyspace& keyspace_;
  Entry& entry_;
};

}  // namespace slotway::storage
