// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/hyperloglog.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::proxy {
namespace {

using Error = HyperLogLogUnion::Error;

std::string Header(char encoding) {
  return std::string("HYLL") + encoding + std::string(11, '\0');
}
// `length` empty registers, in the long form.
std::string Zeros(int length) {
  int n = length - 1;
  return {static_cast<char>(0x40 | n >> 8), static_cast<char>(n & 0xff)};
}

TEST(HyperLogLog, Sparse) {
  HyperLogLogUnion joined;
  EXPECT_EQ(joined.Count(), 0u);
  EXPECT_EQ(joined.Add(Header(1) + Zeros(16384)), Error::kNone);
  EXPECT_EQ(joined.Count(), 0u);
  // One register with 1, as after PFADD of one element.
  EXPECT_EQ(joined.Add(Header(1) + Zeros(100) + "\x80" + Zeros(16283)), Error::kNone);
  EXPECT_EQ(joined.Count(), 1u);
  // The same again, and two more registers with 3 behind a short run of zeros.
  EXPECT_EQ(joined.Add(Header(1) + Zeros(100) + "\x80" + Zeros(16200) + "\x3f" + "\x89" +
                       Zeros(17)),
            Error::kNone);
  EXPECT_EQ(joined.Count(), 3u);
}

TEST(HyperLogLog, DenseAndSparseAreOne) {
  std::string dense = Header(0) + std::string(12288, '\0');
  dense[16] = 1;                           // register 0: 1
  dense[17] = static_cast<char>(2 << 4);   // register 2: 2
  HyperLogLogUnion a, b;
  EXPECT_EQ(a.Add(dense), Error::kNone);
  EXPECT_EQ(b.Add(Header(1) + "\x80" + std::string(1, '\0') + "\x84" + Zeros(16381)), Error::kNone);
  EXPECT_EQ(a.Count(), b.Count());
  EXPECT_EQ(a.Count(), 2u);
}

TEST(HyperLogLog, WhatIsNone) {
  HyperLogLogUnion joined;
  EXPECT_EQ(joined.Add(""), Error::kNoHyperLogLog);
  EXPECT_EQ(joined.Add("a string that is long enough"), Error::kNoHyperLogLog);
  EXPECT_EQ(joined.Add(Header(2) + "x"), Error::kNoHyperLogLog);
  EXPECT_EQ(joined.Add(Header(0) + "short"), Error::kNoHyperLogLog);
  EXPECT_EQ(joined.Add(Header(1) + Zeros(16383)), Error::kCorrupted);
  EXPECT_EQ(joined.Add(Header(1) + Zeros(16384) + "\x80"), Error::kCorrupted);
  EXPECT_EQ(joined.Add(Header(1) + "\x7f"), Error::kCorrupted);
}

}  // namespace
}  // namespace slotway::proxy
