// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_format.h"

#include <limits>

#include "storage/persistence/lzf.h"
#include "storage/persistence/lzf_compressor.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

constexpr std::uint8_t kLength32 = 0x80;
constexpr std::uint8_t kLength64 = 0x81;
constexpr std::uint8_t kEncodingMark = 0xc0;
enum StringEncoding : std::uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

// Texts longer than this are not looked at as numbers.
constexpr std::size_t kNumberTextMax = 11;

// Shorter texts are not compressed.
constexpr std::size_t kCompressedTextMin = 21;

}  // namespace

void RdbWriter::LittleEndian(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
}

void RdbWriter::BigEndian(std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out_.push_back(static_cast<char>(value >> (8 * i)));
}

void RdbWriter::Length(std::uint64_t length) {
  if (length < 64) {
    out_.push_back(static_cast<char>(length));
  } else if (length < 16384) {
    BigEndian(length | 0x4000, 2);
  } else if (length <= std::numeric_limits<std::uint32_t>::max()) {
    out_.push_back(static_cast<char>(kLength32));
    BigEndian(length, 4);
  } else {
    out_.push_back(static_cast<char>(kLength64));
    BigEndian(length, 8);
  }
}

bool RdbWriter::SmallNumber(std::int64_t number) {
  int bytes = number >= -128 && number <= 127 ? 1 : number >= -32768 && number <= 32767 ? 2 : 4;
  if (number != static_cast<std::int32_t>(number)) return false;
  int encoding = bytes == 1 ? kInt8 : bytes == 2 ? kInt16 : kInt32;
  out_.push_back(static_cast<char>(kEncodingMark | encoding));
  LittleEndian(static_cast<std::uint64_t>(number), bytes);
  return true;
}

void RdbWriter::String(std::string_view text) {
  if (text.size() <= kNumberTextMax) {
    auto number = CanonicalNumber(text);
    if (number && SmallNumber(*number)) return;
  }
  if (!Compressed(text)) {
    Length(text.size());
    out_.append(text);
  }
  PassOnChunk();
}

bool RdbWriter::Compressed(std::string_view text) {
  if (form_.compressor == nullptr || text.size() < kCompressedTextMin) return false;
  compressed_.clear();
  if (!form_.compressor->Compress(text, compressed_)) return false;
  out_.push_back(static_cast<char>(kEncodingMark | kLzf));
  Length(compressed_.size());
  Length(text.size());
  out_.append(compressed_);
  return true;
}

void RdbWriter::Number(std::int64_t number) {
  if (SmallNumber(number)) return;
  NumberText buffer;
  std::string_view text = buffer.Print(number);
  Length(text.size());
  out_.append(text);
}

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
  if (first == kLength32) return {false, BigEndian(4)};
  if (first == kLength64) return {false, BigEndian(8)};
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
  switch (encoding) {
    case kInt8:
      number = static_cast<std::int8_t>(LittleEndian(1));
      break;
    case kInt16:
      number = static_cast<std::int16_t>(LittleEndian(2));
      break;
    case kInt32:
      number = static_cast<std::int32_t>(LittleEndian(4));
      break;
    case kLzf: {
      std::uint64_t compressed_bytes = Length();
      std::uint64_t whole_bytes = Length();
      if (!LzfDecompress(Take(compressed_bytes), whole_bytes, out)) ok_ = false;
      return;
    }
    default:
      ok_ = false;
      return;
  }
  NumberText buffer;
  if (ok_) out.assign(buffer.Print(number));
}

}  // namespace slotway::storage
