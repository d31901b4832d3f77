// SPDX-License-Identifier: Apache-2.0
// A hash key opened for reading and changing, whichever encoding it has.
//
// Small hashes are one listpack in the record, large ones a HashTable object; Set converts when a
// limit is passed and never back. Views are valid until the next call on this handle or the next
// change of the keyspace. An emptied hash must be deleted by the caller (Size() == 0, then
// keyspace.Delete(entry())). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/engine/record_listpack.h"
#include "storage/types/hash_value.h"
#include "storage/types/listpack.h"

namespace slotway::storage {

class HashHandle {
 public:
  static constexpr ValueType kType = ValueType::kHash;

  // REQUIRES: entry.type() == kType. The handle stays valid while only it changes the
  // keyspace.
  HashHandle(Keyspace& keyspace, const Entry& entry) : keyspace_(&keyspace), entry_(entry) {}

  // A new, empty hash under `key`, overwriting what was there; Set must follow.
  static HashHandle Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms);

  const Entry& entry() const { return entry_; }
  std::size_t Size() const;
  // The field's value; nothing when it is absent.
  std::optional<std::string_view> Get(std::string_view field);
  // True when the field is new. `field` and `value` must not point into this hash.
  bool Set(std::string_view field, std::string_view value, const HashLimits& limits);
  // True when the field was there.
  bool Delete(std::string_view field);

  using FieldCallback = std::function<void(std::string_view field, std::string_view value)>;
  void ForEach(const FieldCallback& callback) const;
  // Like Keyspace::Scan, for fields. A listpack is visited whole in one call.
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, const FieldCallback& callback) const;
  // The field chosen by `random`, a uniform 64-bit number. REQUIRES: Size() > 0.
  void RandomField(std::uint64_t random, const FieldCallback& callback) const;
  // `count` different fields, every choice equally likely, in no certain order. `next` returns
  // uniform 64-bit numbers. REQUIRES: count <= Size().
  using RandomSource = std::function<std::uint64_t()>;
  void RandomDistinctFields(std::size_t count, const RandomSource& next,
                            const FieldCallback& callback) const;

 private:
  bool IsTable() const { return entry_.encoding() == Encoding::kHashtable; }
  HashTable& table() const { return static_cast<HashTable&>(*entry_.Object()); }
  ListpackReader reader() const { return ListpackReader(entry_.Bytes()); }
  RecordListpack listpack() { return {*keyspace_, entry_}; }
  void ConvertToTable();

  Keyspace* keyspace_;
  Entry entry_;
  NumberText number_text_;  // digits of the value Get returned last
};

}  // namespace slotway::storage
