// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_estimate.h"

#include <gtest/gtest.h>
#include <string>

#include "storage/types/hll_dense.h"
#include "storage/types/hll_sparse.h"

namespace slotway::storage {
namespace {

// "1" to the text of `last`.
std::string WithNumbers(int last) {
  std::string value = EmptyHll();
  MakeHllDense(value);
  for (int i = 1; i <= last; ++i) {
    HllDenseRaise(std::span(value).subspan(kHllHeaderBytes), HllPlaceOf(std::to_string(i)));
  }
  return value;
}

// What redis-server 7.0.15 answers to PFCOUNT.
TEST(HllEstimate, CountsAreRedisCounts) {
  EXPECT_EQ(EstimateCount(*HistogramOf(EmptyHll())), 0u);
  EXPECT_EQ(EstimateCount(*HistogramOf(WithNumbers(1))), 1u);
  EXPECT_EQ(EstimateCount(*HistogramOf(WithNumbers(500))), 503u);
  EXPECT_EQ(EstimateCount(*HistogramOf(WithNumbers(10'000))), 9988u);
}

TEST(HllEstimate, SparseAndDenseHaveOneHistogram) {
  std::string value = EmptyHll();
  for (int i = 0; i < 200; ++i) {
    HllSparseEditor(value, 3000).Raise(HllPlaceOf(std::to_string(i)));
  }
  ASSERT_EQ(HllEncodingOf(value), HllEncoding::kSparse);
  const auto histogram = HistogramOf(value);
  ASSERT_TRUE(histogram);
  ASSERT_TRUE(MakeHllDense(value));
  EXPECT_EQ(HistogramOf(value), histogram);
}

TEST(HllEstimate, RegistersThatNoElementsMade) {
  constexpr std::uint64_t kBeyond = std::uint64_t{1} << 63;
  for (std::uint8_t value : {std::uint8_t{50}, std::uint8_t{51}, std::uint8_t{63}}) {
    HllRegisters registers;
    registers.fill(value);
    EXPECT_EQ(EstimateCount(HistogramOf(registers)), kBeyond) << int{value};
  }
  EXPECT_FALSE(HistogramOf(EmptyHll() + '\x80'));
}

}  // namespace
}  // namespace slotway::storage
