// SPDX-License-Identifier: Apache-2.0
#include "protocol/rdb_reader.h"

#include "protocol/lzf.h"

namespace slotway::protocol {

std::string_view RdbReader::Take(std::uint64_t count) {
  if (!ok_ || count > BytesLeft()) {
    ok_ = false;
    return {};
  }
  std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

std::uint8_t RdbReader::Byte() {
  std::string_view taken = Take(1);
  return taken.empty() ? 0 : static_cast<std::uint8_t>(taken[0]);
}

std::uint64_t RdbReader::LittleEndian(int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= static_cast<std::uint64_t>(Byte()) << (8 * i);
  return value;
}

std::uint64_t RdbReader::BigEndian(int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | Byte();
  return value;
}

RdbReader::LengthOrEncoding RdbReader::ReadLength() {
  std::uint8_t first = Byte();
  switch (first >> 6) {
    case 0:
      return {false, first};
    case 1:
      return {false, (static_cast<std::uint64_t>(first & 0x3f) << 8) | Byte()};
    case 3:
      return {true, static_cast<std::uint64_t>(first & 0x3f)};
    default:
      break;
  }
  if (first == kRdbLength32) return {false, BigEndian(4)};
  if (first == kRdbLength64) return {false, BigEndian(8)};
  ok_ = false;
  return {};
}

std::uint64_t RdbReader::Length() {
  LengthOrEncoding read = ReadLength();
  if (read.is_encoding) ok_ = false;
  return ok_ ? read.value : 0;
}

void RdbReader::String(std::string& out) {
  out.clear();
  LengthOrEncoding read = ReadLength();
  if (read.is_encoding) {
    EncodedString(read.value, out);
  } else {
    out.assign(Take(read.value));
  }
}

void RdbReader::EncodedString(std::uint64_t encoding, std::string& out) {
  std::int64_t number = 0;
  switch (static_cast<RdbStringEncoding>(encoding)) {
    case RdbStringEncoding::kInt8:
      number = static_cast<std::int8_t>(LittleEndian(1));
      break;
    case RdbStringEncoding::kInt16:
      number = static_cast<std::int16_t>(LittleEndian(2));
      break;
    case RdbStringEncoding::kInt32:
      number = static_cast<std::int32_t>(LittleEndian(4));
      break;
    case RdbStringEncoding::kLzf: {
      std::uint64_t compressed_bytes = Length();
      std::uint64_t whole_bytes = Length();
      if (!LzfDecompress(Take(compressed_bytes), whole_bytes, out)) ok_ = false;
      return;
    }
    default:
      ok_ = false;
      return;
  }
  if (ok_) out = std::to_string(number);
}

}  // namespace slotway::protocol
