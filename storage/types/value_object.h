// SPDX-License-Identifier: Apache-2.0
// A value too large for its record: it lives on the heap, the record holds its address.
//
// Each large data type derives from this. The keyspace owns the object through the record and
// deletes it with the key; the encoding in the record says which class it is.
#pragma once

#include <cstddef>
#include <memory>

namespace slotway::storage {

class ValueObject {
 public:
  ValueObject() = default;
  ValueObject(const ValueObject&) = delete;
  ValueObject& operator=(const ValueObject&) = delete;
  virtual ~ValueObject() = default;

  // Bytes this object takes, all in. O(1): kept up to date by every change.
  virtual std::size_t MemoryBytes() const = 0;

  // Elements inside; what freeing it costs.
  virtual std::size_t ElementCount() const = 0;

  // An equal object, which shares nothing with this one.
  virtual std::unique_ptr<ValueObject> Clone() const = 0;

  // Frees about `max_elements` and returns how many: 0 when nothing is left, or when the destructor
  // does it all. After the first call only this, MemoryBytes and the destructor may be called.
  virtual std::size_t FreeSome([[maybe_unused]] std::size_t max_elements) { return 0; }
};

}  // namespace slotway::storage
