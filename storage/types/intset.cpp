// SPDX-License-Identifier: Apache-2.0
#include "storage/types/intset.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace slotway::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "intsets are little endian");

template <class T>
std::int64_t LoadAs(const char* from) {
  T number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

template <class T>
bool Fits(std::int64_t number) {
  return number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
}

void Append32(std::string& out, std::size_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

}  // namespace

std::int64_t IntsetReader::At(std::size_t index) const {
  const char* from = bytes_.data() + OffsetOf(index);
  switch (Width()) {
    case 2:
      return LoadAs<std::int16_t>(from);
    case 4:
      return LoadAs<std::int32_t>(from);
    default:
      return LoadAs<std::int64_t>(from);
  }
}

std::size_t IntsetReader::PlaceOf(std::int64_t number) const {
  std::size_t low = 0;
  std::size_t high = Count();
  // Numbers often arrive in order.
  if (high > 0 && At(high - 1) < number) return high;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (At(middle) < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t IntsetWidthFor(std::int64_t number) {
  if (Fits<std::int16_t>(number)) return 2;
  return Fits<std::int32_t>(number) ? 4 : 8;
}

std::string MakeIntset(std::span<const std::int64_t> numbers) {
  std::size_t width = 2;
  if (!numbers.empty()) {
    width = std::max(IntsetWidthFor(numbers.front()), IntsetWidthFor(numbers.back()));
  }
  std::string bytes;
  bytes.reserve(IntsetReader::kHeaderBytes + numbers.size() * width);
  Append32(bytes, width);
  Append32(bytes, numbers.size());
  for (const std::int64_t number : numbers) {
    bytes.append(reinterpret_cast<const char*>(&number), width);
  }
  return bytes;
}

bool IsValidIntset(std::string_view bytes) {
  if (bytes.size() < IntsetReader::kHeaderBytes) return false;
  const IntsetReader reader(bytes);
  const std::size_t width = reader.Width();
  if (width != 2 && width != 4 && width != 8) return false;
  if (bytes.size() != reader.OffsetOf(reader.Count())) return false;
  for (std::size_t i = 1; i < reader.Count(); ++i) {
    if (reader.At(i - 1) >= reader.At(i)) return false;
  }
  return true;
}

}  // namespace slotway::storage
