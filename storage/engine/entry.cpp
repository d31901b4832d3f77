// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/entry.h"

#include <cassert>
#include <charconv>

namespace slotway::storage {

std::string_view StringText(const Entry& entry, NumberText& buffer) {
  assert(entry.type() == ValueType::kString);
  if (entry.encoding() != Encoding::kInt) return entry.Bytes();
  const auto end =
      std::to_chars(buffer.bytes, buffer.bytes + sizeof buffer.bytes, entry.Number()).ptr;
  return {buffer.bytes, static_cast<std::size_t>(end - buffer.bytes)};
}

std::size_t StringLength(const Entry& entry) {
  NumberText buffer;
  return StringText(entry, buffer).size();
}

}  // namespace slotway::storage
