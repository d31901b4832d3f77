// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/hyperloglog.h"

#include <cmath>
#include <limits>

namespace slotway::proxy {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kDenseBytes = 16384 * 6 / 8;
constexpr int kHashBits = 50;  // of a hash, that are not the register's index
constexpr double kAlphaInfinite = 0.721347520444481703680;  // 1 / (2 ln 2)

std::uint8_t ByteAt(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

// What registers at their limit add: the sum of a quickly falling series, until it stands still.
double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double weight = 1, sum = 1 - x, before = 0;
  do {
    x = std::sqrt(x);
    before = sum;
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  } while (sum != before);
  return sum / 3;
}

// What empty registers add.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double weight = 1, sum = x, before = 0;
  do {
    x *= x;
    before = sum;
    sum += x * weight;
    weight += weight;
  } while (sum != before);
  return sum;
}

}  // namespace

HyperLogLogUnion::Error HyperLogLogUnion::Add(std::string_view value) {
  if (value.size() < kHeaderBytes || !value.starts_with("HYLL")) return Error::kNoHyperLogLog;
  std::uint8_t encoding = ByteAt(value, 4);
  std::string_view body = value.substr(kHeaderBytes);
  if (encoding == 0) return body.size() == kDenseBytes ? AddDense(body) : Error::kNoHyperLogLog;
  return encoding == 1 ? AddSparse(body) : Error::kNoHyperLogLog;
}

void HyperLogLogUnion::Raise(std::size_t index, std::uint8_t value) {
  if (value > registers_[index]) registers_[index] = value;
}

HyperLogLogUnion::Error HyperLogLogUnion::AddDense(std::string_view registers) {
  // Four registers are three bytes.
  for (std::size_t i = 0, byte = 0; i < kRegisters; i += 4, byte += 3) {
    std::uint32_t bits = ByteAt(registers, byte) | ByteAt(registers, byte + 1) << 8 |
                         ByteAt(registers, byte + 2) << 16;
    for (std::size_t k = 0; k < 4; ++k) {
      Raise(i + k, static_cast<std::uint8_t>(bits >> (6 * k) & 63));
    }
  }
  return Error::kNone;
}

HyperLogLogUnion::Error HyperLogLogUnion::AddSparse(std::string_view runs) {
  std::size_t index = 0, i = 0;
  while (i < runs.size()) {
    std::uint8_t first = ByteAt(runs, i++);
    std::uint8_t value = 0;
    std::size_t length = 0;
    if ((first & 0x80) != 0) {
      value = static_cast<std::uint8_t>((first >> 2 & 31) + 1);
      length = (first & 3) + 1u;
    } else if ((first & 0x40) != 0) {
      if (i == runs.size()) return Error::kCorrupted;
      length = (static_cast<std::size_t>(first & 63) << 8 | ByteAt(runs, i++)) + 1;
    } else {
      length = first + 1u;
    }
    if (length > kRegisters - index) return Error::kCorrupted;
    for (; length > 0; --length) Raise(index++, value);
  }
  return index == kRegisters ? Error::kNone : Error::kCorrupted;
}

std::uint64_t HyperLogLogUnion::Count() const {
  std::array<int, 64> histogram{};
  for (std::uint8_t value : registers_) ++histogram[value];
  constexpr double m = kRegisters;
  double z = m * Tau((m - histogram[kHashBits + 1]) / m);
  for (std::size_t value = kHashBits; value >= 1; --value) {
    z += histogram[value];
    z *= 0.5;
  }
  z += m * Sigma(histogram[0] / m);
  return static_cast<std::uint64_t>(std::llround(kAlphaInfinite * m * m / z));
}

}  // namespace slotway::proxy
