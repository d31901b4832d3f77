// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_format.h"

#include <limits>

#include "storage/persistence/lzf_compressor.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

using protocol::kRdbLength32;
using protocol::kRdbLength64;
using protocol::RdbStringEncoding;

constexpr char EncodedAs(RdbStringEncoding encoding) {
  return static_cast<char>(protocol::kRdbEncodingMark | static_cast<std::uint8_t>(encoding));
}

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
    out_.push_back(static_cast<char>(kRdbLength32));
    BigEndian(length, 4);
  } else {
    out_.push_back(static_cast<char>(kRdbLength64));
    BigEndian(length, 8);
  }
}

bool RdbWriter::SmallNumber(std::int64_t number) {
  int bytes = number >= -128 && number <= 127 ? 1 : number >= -32768 && number <= 32767 ? 2 : 4;
  if (number != static_cast<std::int32_t>(number)) return false;
  out_.push_back(EncodedAs(bytes == 1   ? RdbStringEncoding::kInt8
                           : bytes == 2 ? RdbStringEncoding::kInt16
                                        : RdbStringEncoding::kInt32));
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
  out_.push_back(EncodedAs(RdbStringEncoding::kLzf));
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

}  // namespace slotway::storage
