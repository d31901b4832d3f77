// SPDX-License-Identifier: Apache-2.0
// A value too large for its record: it lives on the heap, the record holds its address.
//
// Each large data type derives from this. The keyspace owns the object through the record and
// deletes it with the key; the encoding in the record says which class it is.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace slotway::storage {

// An element of a large value.
struct ValueElement {
  std::string_view name;        // a member, or a field
  std::string_view value = {};  // of a field
  double score = 0;             // of a member of a sorted set
};

// Who is handed the elements of a value (see element_capture.h).
class ElementTaker {
 public:
  virtual ~ElementTaker() = default;
  // Views are good during the call, which must not change the value.
  virtual void Take(const ValueElement& element) = 0;
  // The value is about to go. Everything has been handed out.
  virtual void OnGone() = 0;
};

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

  // Takes the moment whose elements CaptureSome() will hand out; false if this value cannot do
  // that. `taker` must live until EndCapture(), or until it is told that the value goes.
  virtual bool BeginCapture(ElementTaker&) { return false; }
  // Hands out about so many; false at the end.
  virtual bool CaptureSome([[maybe_unused]] std::size_t max_elements) { return false; }
  virtual void EndCapture() {}

  // Frees about `max_elements` and returns how many: 0 when nothing is left, or when the destructor
  // does it all. After the first call only this, MemoryBytes and the destructor may be called.
  virtual std::size_t FreeSome([[maybe_unused]] std::size_t max_elements) { return 0; }
};

}  // namespace slotway::storage
