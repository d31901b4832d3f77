// SPDX-License-Identifier: Apache-2.0
// The form that a snapshot is written in: an RDB file, or commands that make the same data.
//
// Begin(), then aux fields, then libraries of functions, then keys, then End(). Keys of databases
// may be mixed. A large value may come in pieces, and other keys between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/engine/keyspace.h"

namespace slotway::storage {

// What is kept beside a key of when it was used.
struct RdbAccess {
  std::optional<std::uint64_t> idle_seconds;
  std::optional<std::uint8_t> frequency;
};

// A key whose value comes element by element: a hash, a set or a sorted set.
struct SnapshotValue {
  int db_index;
  ValueType type;
  std::string key;
  std::optional<std::int64_t> expire_at_ms;
  RdbAccess access;
  std::size_t element_count;
};

class SnapshotWriter {
 public:
  virtual ~SnapshotWriter() = default;
  virtual void Begin() = 0;
  virtual void Aux(std::string_view name, std::string_view value) = 0;
  virtual void Function(std::string_view library) = 0;
  // Before the first key of a database: how large it will be.
  virtual void ResizeDb(int db_index, std::uint64_t keys, std::uint64_t keys_with_expiry) = 0;
  virtual void Key(int db_index, Keyspace& keyspace, const Entry& entry,
                   const RdbAccess& access) = 0;
  // One after the other: a value with as many elements as it says. It must live until EndValue().
  virtual void BeginValue(const SnapshotValue& value) = 0;
  virtual void Element(const ValueElement& element) = 0;
  virtual void EndValue() = 0;
  virtual void End() = 0;
  virtual std::uint64_t KeysWritten() const = 0;
};

}  // namespace slotway::storage
