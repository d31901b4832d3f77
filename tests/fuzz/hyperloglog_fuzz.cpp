// SPDX-License-Identifier: Apache-2.0
// Input: a byte that chooses, then a string that is given out for a HyperLogLog. Whatever it is, it
// is read within its bounds, and a change leaves behind nothing worse than it was.
#include <algorithm>
#include <string>

#include "storage/types/hll_dense.h"
#include "storage/types/hll_estimate.h"
#include "storage/types/hll_sparse.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway::storage;

bool IsGood(const std::string& value) {
  HllRegisters registers{};
  return HllEncodingOf(value) == HllEncoding::kDense || HllSparseMerge(value, registers);
}

HllRegisters RegistersOf(const std::string& value) {
  HllRegisters registers{};
  if (HllEncodingOf(value) == HllEncoding::kDense) {
    HllDenseUnpack(std::string_view(value).substr(kHllHeaderBytes), registers);
  } else {
    HllSparseMerge(value, registers);
  }
  return registers;
}

// One register of a sparse value is raised; a good value stays good and changes nowhere else.
void CheckRaise(std::string value, HllPlace place, std::size_t bytes_max) {
  const bool was_good = IsGood(value);
  HllRegisters expected = RegistersOf(value);
  const HllRaise raise = HllSparseEditor(value, bytes_max).Raise(place);
  FUZZ_CHECK(IsHll(value));
  if (!was_good) return;
  FUZZ_CHECK(raise != HllRaise::kBroken);
  FUZZ_CHECK((raise == HllRaise::kRaised) == (place.count > expected[place.index]));
  expected[place.index] = std::max(expected[place.index], place.count);
  FUZZ_CHECK(IsGood(value));
  FUZZ_CHECK(RegistersOf(value) == expected);
  const auto histogram = HistogramOf(value);
  FUZZ_CHECK(histogram.has_value());
  EstimateCount(*histogram);
}

// Counts it, and joins it with another, as PFCOUNT and PFMERGE do.
void CheckReading(const std::string& value) {
  const auto histogram = HistogramOf(value);
  FUZZ_CHECK(histogram.has_value() == IsGood(value));
  if (!histogram) return;
  const std::uint64_t count = EstimateCount(*histogram);
  std::string counted = value;
  SetHllCachedCount(counted, count);
  FUZZ_CHECK(HllCachedCount(counted) == count || count >> 63 != 0);
  DropHllCachedCount(counted);
  FUZZ_CHECK(!HllCachedCount(counted));

  HllRegisters joined = RegistersOf(value);
  FUZZ_CHECK(HistogramOf(joined) == *histogram);
  joined[0] = std::max<std::uint8_t>(joined[0], 7);
  std::string packed(kHllDenseBytes - kHllHeaderBytes, '\0');
  HllDensePack(joined, packed);
  HllRegisters unpacked{};
  HllDenseUnpack(packed, unpacked);
  FUZZ_CHECK(unpacked == joined);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = slotway::fuzz::AsText(data, size);
  const unsigned choice = slotway::fuzz::TakeByte(input);
  const std::string value(input);
  // The same bytes as runs behind a good header.
  const std::string runs = EmptyHll().substr(0, kHllHeaderBytes) + value;
  for (const std::string& hll : {value, runs}) {
    if (!IsHll(hll)) continue;
    CheckReading(hll);
    const auto last = static_cast<unsigned char>(hll.back());
    const HllPlace place{static_cast<std::uint16_t>((choice << 8 | last) % kHllRegisters),
                         static_cast<std::uint8_t>(1 + choice % 51)};
    if (HllEncodingOf(hll) == HllEncoding::kSparse) CheckRaise(hll, place, choice * 64);
  }
  return 0;
}
