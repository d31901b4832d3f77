// SPDX-License-Identifier: Apache-2.0
#include "storage/types/listpack.h"

#include <bit>
#include <charconv>
#include <cstring>

namespace slotway::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "listpacks are little endian");

constexpr std::uint8_t kString32 = 0xf0;
constexpr std::uint8_t kInt16 = 0xf1;
constexpr std::uint8_t kInt24 = 0xf2;
constexpr std::uint8_t kInt32 = 0xf3;
constexpr std::uint8_t kInt64 = 0xf4;
constexpr char kEndByte = '\xff';
constexpr std::uint16_t kCountUnknown = 0xffff;

std::uint8_t ByteAt(std::string_view bytes, std::size_t position) {
  return static_cast<std::uint8_t>(bytes[position]);
}

template <class T>
T LoadAt(std::string_view bytes, std::size_t position) {
  T value;
  std::memcpy(&value, bytes.data() + position, sizeof value);
  return value;
}

// How an element begins: where its data stands and how long that is.
struct ElementHead {
  std::size_t prefix_bytes = 0;  // encoding and length
  std::size_t data_bytes = 0;    // what follows: text, or the bytes of a wide integer
  bool is_number = false;
  bool is_known = true;  // false for bytes that no encoding has
  std::size_t Total() const { return prefix_bytes + data_bytes; }
};

// Bytes that the head at a byte takes, so that a caller can check they are there.
std::size_t HeadBytes(std::uint8_t first) {
  if (first == kString32) return 5;
  return (first & 0xe0) == 0xc0 || (first & 0xf0) == 0xe0 ? 2 : 1;
}

ElementHead ReadHead(std::string_view bytes, std::size_t position) {
  const std::uint8_t first = ByteAt(bytes, position);
  if (first < 0x80) return {1, 0, true};
  if (first < 0xc0) return {1, first & 0x3fu, false};
  if (first < 0xe0) return {2, 0, true};
  if (first < 0xf0) return {2, (first & 0x0fu) << 8 | ByteAt(bytes, position + 1), false};
  switch (first) {
    case kString32:
      return {5, LoadAt<std::uint32_t>(bytes, position + 1), false};
    case kInt16:
      return {1, 2, true};
    case kInt24:
      return {1, 3, true};
    case kInt32:
      return {1, 4, true};
    case kInt64:
      return {1, 8, true};
    default:
      return {.is_known = false};
  }
}

std::int64_t ReadNumber(std::string_view bytes, std::size_t position, const ElementHead& head) {
  const std::uint8_t first = ByteAt(bytes, position);
  if (head.prefix_bytes == 2) {  // 13 bits, the sign among them
    const int low13 = (first & 0x1f) << 8 | ByteAt(bytes, position + 1);
    return low13 >= 1 << 12 ? low13 - (1 << 13) : low13;
  }
  if (head.data_bytes == 0) return first;
  std::uint64_t wide = 0;
  std::memcpy(&wide, bytes.data() + position + 1, head.data_bytes);
  const int unused_bits = 64 - static_cast<int>(head.data_bytes) * 8;
  return static_cast<std::int64_t>(wide << unused_bits) >> unused_bits;
}

// The limits are the format's own: one less than 7 bits a byte would allow, but for the first.
std::size_t BackwardBytes(std::size_t length) {
  if (length <= 127) return 1;
  if (length < 16'383) return 2;
  if (length < 2'097'151) return 3;
  return length < 268'435'455 ? 4 : 5;
}

void AppendBackward(std::string& out, std::size_t length) {
  const std::size_t width = BackwardBytes(length);
  for (std::size_t i = width; i-- > 0;) {
    const auto seven_bits = static_cast<unsigned>(length >> 7 * i & 127);
    out.push_back(static_cast<char>(i + 1 == width ? seven_bits : seven_bits | 128));
  }
}

// Writes the encoding byte(s) and data of a number at `out`; returns the end.
char* WriteNumber(char* out, std::int64_t number) {
  const auto fits = [number](int bits) {
    return number >= -(std::int64_t{1} << (bits - 1)) && number < std::int64_t{1} << (bits - 1);
  };
  const auto write_wide = [&](std::uint8_t code, std::size_t bytes) {
    *out = static_cast<char>(code);
    std::memcpy(out + 1, &number, bytes);
    return out + 1 + bytes;
  };
  if (number >= 0 && number <= 127) {
    *out = static_cast<char>(number);
    return out + 1;
  }
  if (fits(13)) {
    out[0] = static_cast<char>((number >> 8 & 0x1f) | 0xc0);
    out[1] = static_cast<char>(number);
    return out + 2;
  }
  if (fits(16)) return write_wide(kInt16, 2);
  if (fits(24)) return write_wide(kInt24, 3);
  if (fits(32)) return write_wide(kInt32, 4);
  return write_wide(kInt64, 8);
}

void SetHeader(char* header, std::size_t total_bytes, std::size_t count) {
  const auto total = static_cast<std::uint32_t>(total_bytes);
  const auto stored = static_cast<std::uint16_t>(count < kCountUnknown ? count : kCountUnknown);
  std::memcpy(header, &total, sizeof total);
  std::memcpy(header + sizeof total, &stored, sizeof stored);
}

ListpackSplice MakeSplice(std::string_view bytes, std::size_t position, std::size_t erased_bytes,
                          std::string_view inserted, std::int64_t count_change) {
  ListpackSplice splice{position, erased_bytes, inserted, {}};
  SetHeader(splice.header, bytes.size() - erased_bytes + inserted.size(),
            ListpackReader(bytes).Count() + static_cast<std::size_t>(count_change));
  return splice;
}

}  // namespace

std::string_view NumberText::Print(std::int64_t number) {
  const char* end = std::to_chars(bytes, bytes + sizeof bytes, number).ptr;
  return {bytes, static_cast<std::size_t>(end - bytes)};
}

std::optional<std::int64_t> CanonicalNumber(std::string_view text) {
  constexpr std::size_t kTextMax = 20;  // -9223372036854775808
  if (text.empty() || text.size() > kTextMax) return std::nullopt;
  const char first = text[0] == '-' && text.size() > 1 ? text[1] : text[0];
  if (first < '0' || first > '9') return std::nullopt;
  if (first == '0' && text.size() > 1) return std::nullopt;  // 01, -0, -01
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// ---- Reading ----

std::size_t ListpackReader::Count() const {
  const auto stored = LoadAt<std::uint16_t>(bytes_, 4);
  if (stored != kCountUnknown) return stored;
  std::size_t count = 0;
  for (std::size_t at = Begin(); at != End(); at = Next(at)) ++count;
  return count;
}

std::size_t ListpackReader::Next(std::size_t position) const {
  const std::size_t length = ReadHead(bytes_, position).Total();
  return position + length + BackwardBytes(length);
}

std::size_t ListpackReader::Previous(std::size_t position) const {
  std::size_t length = 0;
  std::size_t at = position;
  for (int shift = 0;; shift += 7) {
    const std::uint8_t byte = ByteAt(bytes_, --at);
    length |= std::size_t{byte & 127u} << shift;
    if ((byte & 128) == 0) break;
  }
  return at - length;
}

ListpackElement ListpackReader::At(std::size_t position) const {
  const ElementHead head = ReadHead(bytes_, position);
  if (head.is_number) return {{}, ReadNumber(bytes_, position, head), true};
  return {bytes_.substr(position + head.prefix_bytes, head.data_bytes), 0, false};
}

std::size_t ListpackReader::Seek(std::int64_t index) const {
  if (index >= 0) {
    std::size_t at = Begin();
    for (; index > 0 && at != End(); --index) at = Next(at);
    return at;
  }
  std::size_t at = End();
  for (; index < 0 && at != Begin(); ++index) at = Previous(at);
  return index == 0 ? at : End();
}

std::size_t ListpackReader::Find(std::string_view text, std::size_t from, std::size_t step) const {
  const std::optional<std::int64_t> number = CanonicalNumber(text);
  std::size_t skip = 0;
  for (std::size_t at = from; at != End(); at = Next(at)) {
    if (skip > 0) {
      --skip;
      continue;
    }
    const ListpackElement element = At(at);
    const bool is_equal =
        element.is_number ? number == element.number : !number && element.text == text;
    if (is_equal) return at;
    skip = step - 1;
  }
  return End();
}

// ---- Changing ----

EncodedElement::EncodedElement(std::int64_t number) {
  const auto length = static_cast<std::size_t>(WriteNumber(short_, number) - short_);
  short_[length] = static_cast<char>(length);
  short_size_ = static_cast<std::uint8_t>(length + 1);
}

EncodedElement::EncodedElement(std::string_view text) {
  if (const auto number = CanonicalNumber(text)) {
    *this = EncodedElement(*number);
    return;
  }
  if (text.size() <= kShortTextMax) {
    short_[0] = static_cast<char>(0x80 | text.size());
    text.copy(short_ + 1, text.size());
    short_[text.size() + 1] = static_cast<char>(text.size() + 1);
    short_size_ = static_cast<std::uint8_t>(text.size() + 2);
    return;
  }
  long_.reserve(text.size() + 10);
  if (text.size() < 4096) {
    long_.push_back(static_cast<char>(0xe0 | text.size() >> 8));
    long_.push_back(static_cast<char>(text.size()));
  } else {
    long_.push_back(static_cast<char>(kString32));
    const auto length = static_cast<std::uint32_t>(text.size());
    long_.append(reinterpret_cast<const char*>(&length), sizeof length);
  }
  long_.append(text);
  AppendBackward(long_, long_.size());
}

ListpackSplice SpliceToInsert(std::string_view bytes, std::size_t position,
                              const EncodedElement& element) {
  return MakeSplice(bytes, position, 0, element.bytes(), 1);
}

ListpackSplice SpliceToReplace(std::string_view bytes, std::size_t position,
                               const EncodedElement& element) {
  const std::size_t end = ListpackReader(bytes).Next(position);
  return MakeSplice(bytes, position, end - position, element.bytes(), 0);
}

ListpackSplice SpliceToErase(std::string_view bytes, std::size_t position, std::size_t count) {
  const ListpackReader reader(bytes);
  std::size_t end = position;
  std::int64_t erased = 0;
  for (; count > 0 && end != reader.End(); --count, ++erased) end = reader.Next(end);
  return MakeSplice(bytes, position, end - position, {}, -erased);
}

Listpack::Listpack() : bytes_{7, 0, 0, 0, 0, 0, kEndByte} {}

void Listpack::Apply(const ListpackSplice& splice) {
  bytes_.replace(splice.position, splice.erased_bytes, splice.inserted);
  std::memcpy(bytes_.data(), splice.header, sizeof splice.header);
}

void Listpack::AppendEncoded(std::string_view elements, std::size_t count) {
  const std::size_t new_count = reader().Count() + count;
  bytes_.insert(reader().End(), elements);
  SetHeader(bytes_.data(), bytes_.size(), new_count);
}

Listpack Listpack::SplitOff(std::size_t position) {
  Listpack tail;
  const std::size_t data_bytes = reader().End() - position;
  tail.bytes_.insert(ListpackReader::kHeaderBytes, bytes_, position, data_bytes);
  SetHeader(tail.bytes_.data(), tail.bytes_.size(), kCountUnknown);
  const std::size_t tail_count = tail.reader().Count();
  SetHeader(tail.bytes_.data(), tail.bytes_.size(), tail_count);
  const std::size_t count = reader().Count() - tail_count;
  bytes_.erase(position, data_bytes);
  SetHeader(bytes_.data(), bytes_.size(), count);
  return tail;
}

void Listpack::AppendAll(const Listpack& other) {
  const std::size_t count = reader().Count() + other.reader().Count();
  const std::string_view data = other.bytes();
  bytes_.insert(reader().End(), data.substr(ListpackReader::kHeaderBytes,
                                            data.size() - ListpackReader::kHeaderBytes - 1));
  SetHeader(bytes_.data(), bytes_.size(), count);
}

// ---- Bytes from outside ----

bool IsValidListpack(std::string_view bytes) {
  constexpr std::size_t kEmptyBytes = ListpackReader::kHeaderBytes + 1;
  if (bytes.size() < kEmptyBytes || bytes.size() > UINT32_MAX) return false;
  if (LoadAt<std::uint32_t>(bytes, 0) != bytes.size() || bytes.back() != kEndByte) return false;
  const std::size_t end = bytes.size() - 1;
  std::size_t count = 0;
  std::size_t at = ListpackReader::kHeaderBytes;
  while (at < end) {
    if (HeadBytes(ByteAt(bytes, at)) > end - at) return false;
    const ElementHead head = ReadHead(bytes, at);
    if (!head.is_known || head.Total() > end - at) return false;
    const std::size_t backward_bytes = BackwardBytes(head.Total());
    at += head.Total();
    if (backward_bytes > end - at) return false;
    std::string expected;
    AppendBackward(expected, head.Total());
    if (bytes.substr(at, backward_bytes) != expected) return false;
    at += backward_bytes;
    ++count;
  }
  const auto stored = LoadAt<std::uint16_t>(bytes, 4);
  return at == end && (stored == kCountUnknown || stored == count);
}

}  // namespace slotway::storage
