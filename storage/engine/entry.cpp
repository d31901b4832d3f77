// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/entry.h"

#include <cassert>

namespace slotway::storage {

std::string_view StringText(const Entry& entry, NumberText& buffer) {
  assert(entry.type() == ValueType::kString);
  if (entry.encoding() != Encoding::kInt) return entry.Bytes();
  return buffer.Print(entry.Number());
}

std::size_t StringLength(const Entry& entry) {
  NumberText buffer;
  return StringText(entry, buffer).size();
}

}  // namespace slotway::storage
