// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/zipmap.h"

#include <cstddef>
#include <cstdint>

#include "storage/persistence/byte_reader.h"

namespace slotway::storage {
namespace {

constexpr std::uint8_t kEnd = 255;
constexpr std::uint8_t kLongLength = 254;
constexpr std::uint8_t kCountUnknown = 254;

// `first` is the byte that a length begins with.
std::uint64_t TakeLength(ByteReader& reader, std::uint8_t first) {
  if (first == kEnd) reader.Fail();
  return first == kLongLength ? reader.LittleEndian(4) : first;
}

}  // namespace

std::optional<Listpack> ListpackOfZipmap(std::string_view bytes) {
  ByteReader reader(bytes);
  const std::uint8_t stored_count = reader.Byte();
  Listpack pairs;
  std::uint64_t count = 0;
  while (true) {
    const std::uint8_t first = reader.Byte();
    if (!reader.Ok()) return std::nullopt;
    if (first == kEnd) break;
    const std::string_view field = reader.Take(TakeLength(reader, first));
    const std::uint64_t value_bytes = TakeLength(reader, reader.Byte());
    const std::uint8_t unused_bytes = reader.Byte();
    const std::string_view value = reader.Take(value_bytes);
    reader.Take(unused_bytes);
    if (!reader.Ok()) return std::nullopt;
    pairs.Append(field);
    pairs.Append(value);
    ++count;
  }
  const bool is_counted = stored_count == kCountUnknown || stored_count == count;
  if (!is_counted || !reader.AtEnd()) return std::nullopt;
  return pairs;
}

}  // namespace slotway::storage
