// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/record.h"

#include <cassert>

namespace slotway::storage {
namespace {

// The width code of a length: 0, 1, 2 for fields of 1, 2, 4 bytes.
constexpr unsigned kNoLengthCode = 3;

constexpr unsigned WidthCode(std::size_t length) {
  return length <= UINT8_MAX ? 0 : length <= UINT16_MAX ? 1 : 2;
}

}  // namespace

std::size_t Record::Shape::TotalBytes() const {
  const bool has_length = LayoutOf(encoding) == ValueLayout::kBytes;
  return kHeaderBytes + (std::size_t{1} << WidthCode(key_bytes)) +
         (has_length ? std::size_t{1} << WidthCode(value_bytes) : 0) + (has_expiry_word ? 8 : 0) +
         key_bytes + value_bytes;
}

Record Record::Format(std::byte* address, const Shape& shape, std::string_view key,
                      std::uint32_t access) {
  assert(key.size() == shape.key_bytes && key.size() <= kMaxLength);
  assert(shape.value_bytes <= kMaxLength);
  Record record(address);
  const bool has_length = LayoutOf(shape.encoding) == ValueLayout::kBytes;
  const unsigned key_code = WidthCode(key.size());
  const unsigned value_code = has_length ? WidthCode(shape.value_bytes) : kNoLengthCode;
  record.set_access(access);
  record.SetKind(shape.type, shape.encoding);
  record.at_[5] = static_cast<std::uint8_t>((shape.has_expiry_word ? kExpiryFlag : 0) |
                                            key_code << 1 | value_code << 3);
  record.StoreLength(kHeaderBytes, record.KeyWidth(), key.size());
  if (has_length) {
    record.StoreLength(kHeaderBytes + record.KeyWidth(), record.ValueWidth(), shape.value_bytes);
  }
  if (shape.has_expiry_word) record.SetExpiry({});
  const std::string_view place = record.Key();
  std::memcpy(const_cast<char*>(place.data()), key.data(), key.size());
  return record;
}

bool Record::TryReshape(const Shape& shape) {
  const bool has_length = LayoutOf(shape.encoding) == ValueLayout::kBytes;
  const std::size_t width = ValueWidth();
  if (shape.has_expiry_word != HasExpiryWord() || has_length != (width != 0)) return false;
  if (has_length && (std::size_t{1} << WidthCode(shape.value_bytes)) > width) return false;
  SetKind(shape.type, shape.encoding);
  if (has_length) StoreLength(kHeaderBytes + KeyWidth(), width, shape.value_bytes);
  return true;
}

void Record::StoreLength(std::size_t offset, std::size_t width, std::size_t length) {
  if (width == 1) {
    at_[offset] = static_cast<std::uint8_t>(length);
  } else if (width == 2) {
    Store(offset, static_cast<std::uint16_t>(length));
  } else {
    Store(offset, static_cast<std::uint32_t>(length));
  }
}

}  // namespace slotway::storage
