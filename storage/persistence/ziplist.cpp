// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/ziplist.h"

#include <cstddef>
#include <cstdint>

#include "storage/persistence/byte_reader.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kHeaderBytes = 10;
constexpr std::uint8_t kEnd = 0xff;
constexpr std::uint8_t kLongLength = 254;
constexpr std::uint16_t kCountUnknown = 0xffff;

// Nothing for an encoding that does not exist.
std::optional<ListpackElement> TakeNumber(ByteReader& reader, std::uint8_t encoding) {
  const auto number = [&reader](std::size_t bytes) {
    return ListpackElement{{}, reader.Number(bytes), true};
  };
  switch (encoding) {
    case 0xc0:
      return number(2);
    case 0xd0:
      return number(4);
    case 0xe0:
      return number(8);
    case 0xf0:
      return number(3);
    case 0xfe:
      return number(1);
    default:
      break;
  }
  if (encoding < 0xf1 || encoding > 0xfd) return std::nullopt;
  return ListpackElement{{}, (encoding & 0x0f) - 1, true};
}

std::optional<ListpackElement> TakeElement(ByteReader& reader) {
  const std::uint8_t encoding = reader.Byte();
  std::uint64_t length = encoding & 0x3fu;
  switch (encoding >> 6) {
    case 0:
      break;
    case 1:
      length = length << 8 | reader.Byte();
      break;
    case 2:
      if (length != 0) return std::nullopt;
      length = reader.BigEndian(4);
      break;
    default:
      return TakeNumber(reader, encoding);
  }
  return ListpackElement{reader.Take(length), 0, false};
}

}  // namespace

std::optional<Listpack> ListpackOfZiplist(std::string_view bytes) {
  ByteReader reader(bytes);
  const std::uint64_t total_bytes = reader.LittleEndian(4);
  const std::uint64_t last_offset = reader.LittleEndian(4);
  const std::uint64_t stored_count = reader.LittleEndian(2);
  if (bytes.size() <= kHeaderBytes || total_bytes != bytes.size()) return std::nullopt;
  if (static_cast<std::uint8_t>(bytes.back()) != kEnd) return std::nullopt;

  Listpack elements;
  NumberText digits;
  std::uint64_t count = 0;
  std::size_t entry_at = kHeaderBytes;  // of the last one that was begun
  std::size_t entry_bytes = 0;
  while (reader.At() < bytes.size() - 1) {
    entry_at = reader.At();
    std::uint64_t bytes_before = reader.Byte();
    if (bytes_before == kEnd) return std::nullopt;
    if (bytes_before == kLongLength) bytes_before = reader.LittleEndian(4);
    if (bytes_before != entry_bytes) return std::nullopt;
    const auto element = TakeElement(reader);
    // The last byte is the end's.
    if (!element || !reader.Ok() || reader.At() == bytes.size()) return std::nullopt;
    elements.Append(element->Text(digits));
    entry_bytes = reader.At() - entry_at;
    ++count;
  }
  const bool is_counted = stored_count == count || stored_count == kCountUnknown;
  if (!is_counted || last_offset != entry_at) return std::nullopt;
  return elements;
}

}  // namespace slotway::storage
