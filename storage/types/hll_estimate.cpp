// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_estimate.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "storage/types/hll_dense.h"
#include "storage/types/hll_sparse.h"

namespace slotway::storage {
namespace {

// 1 / (2 ln 2): what the harmonic mean is short of, for any number of registers.
constexpr double kAlpha = 0.721347520444481703680;

// x + sum of x^(2^k) * 2^(k-1) for k = 1, 2, ...: what registers at 0 add.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double factor = 1;
  double sum = x;
  double before = 0;
  do {
    x *= x;
    before = sum;
    sum += x * factor;
    factor += factor;
  } while (before != sum);
  return sum;
}

// (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k for k = 1, 2, ...) / 3: what registers at the most add.
double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double factor = 1;
  double sum = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = sum;
    factor *= 0.5;
    const double rest = 1 - x;
    sum -= rest * rest * factor;
  } while (before != sum);
  return sum / 3;
}

}  // namespace

HllHistogram HistogramOf(const HllRegisters& registers) {
  // Four of them: neighbours with one value do not wait for each other.
  std::array<HllHistogram, 4> parts{};
  constexpr std::size_t kGroup = 8;
  for (std::size_t i = 0; i < kHllRegisters; i += kGroup) {
    std::uint64_t word;
    std::memcpy(&word, registers.data() + i, kGroup);
    if (word == 0) {
      parts[0][0] += kGroup;
      continue;
    }
    for (std::size_t j = 0; j < kGroup; ++j) ++parts[j % parts.size()][word >> (8 * j) & 0xff];
  }
  for (std::size_t value = 0; value < parts[0].size(); ++value) {
    parts[0][value] += parts[1][value] + parts[2][value] + parts[3][value];
  }
  return parts[0];
}

std::optional<HllHistogram> HistogramOf(std::string_view value) {
  if (HllEncodingOf(value) == HllEncoding::kDense) {
    HllRegisters registers;
    HllDenseUnpack(value.substr(kHllHeaderBytes), registers);
    return HistogramOf(registers);
  }
  HllHistogram histogram{};
  const bool is_good = VisitHllRuns(
      value, [&](std::size_t, const HllRun& run) { histogram[run.value] += run.length; });
  if (!is_good) return std::nullopt;
  return histogram;
}

std::uint64_t EstimateCount(const HllHistogram& histogram) {
  constexpr double kRegisters = kHllRegisters;
  constexpr std::uint64_t kBeyond = std::uint64_t{1} << 63;
  double z = kRegisters * Tau((kRegisters - histogram[kHllHashBits + 1]) / kRegisters);
  for (int value = kHllHashBits; value >= 1; --value) {
    z += histogram[static_cast<std::size_t>(value)];
    z *= 0.5;
  }
  z += kRegisters * Sigma(histogram[0] / kRegisters);
  if (z == 0) return kBeyond;
  const double count = kAlpha * kRegisters * kRegisters / z;
  if (count >= static_cast<double>(kBeyond)) return kBeyond;
  return static_cast<std::uint64_t>(std::llround(count));
}

}  // namespace slotway::storage
