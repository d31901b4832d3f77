// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_sparse.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

#include "storage/types/hll_dense.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kBytesMax = 3000;

// As PFDEBUG DECODE prints them.
std::string Decoded(const std::string& value) {
  std::string text;
  for (std::size_t at = kHllHeaderBytes; at < value.size();) {
    const HllRun run = HllRunAt(value, at);
    text += run.value != 0 ? "v:" + std::to_string(run.value) + "," : run.is_long ? "Z:" : "z:";
    text += std::to_string(run.length) + " ";
    at = run.End();
  }
  return text;
}

void Add(std::string& value, std::string_view element) {
  EXPECT_NE(HllSparseEditor(value, kBytesMax).Raise(HllPlaceOf(element)), HllRaise::kBroken);
}

std::string WithRuns(std::string_view runs) {
  return EmptyHll().substr(0, kHllHeaderBytes) + std::string(runs);
}

TEST(HllSparse, BytesAreRedisBytes) {
  std::string value = EmptyHll();
  EXPECT_EQ(value, std::string("HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18));
  for (const char* element : {"a", "b", "c", "d", "e", "f", "g"}) Add(value, element);
  EXPECT_EQ(value, std::string("HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80"
                               "Fm\x80V\x0c\x80"
                               "D<\x84"
                               "8\x80P\xb1\x84I\x8c\x80"
                               "Bm\x80"
                               "BZ",
                               38));
}

TEST(HllSparse, ARunIsSplitAndJoined) {
  std::string value = EmptyHll();
  HllSparseEditor editor(value, kBytesMax);
  EXPECT_EQ(editor.Raise({100, 3}), HllRaise::kRaised);
  EXPECT_EQ(Decoded(value), "Z:100 v:3,1 Z:16283 ");
  EXPECT_EQ(editor.Raise({101, 3}), HllRaise::kRaised);
  EXPECT_EQ(editor.Raise({102, 3}), HllRaise::kRaised);
  EXPECT_EQ(Decoded(value), "Z:100 v:3,3 Z:16281 ");
  EXPECT_EQ(editor.Raise({101, 2}), HllRaise::kUnchanged);
  EXPECT_EQ(editor.Raise({101, 7}), HllRaise::kRaised);
  EXPECT_EQ(Decoded(value), "Z:100 v:3,1 v:7,1 v:3,1 Z:16281 ");
  EXPECT_EQ(editor.Raise({0, 1}), HllRaise::kRaised);
  EXPECT_EQ(editor.Raise({16383, 32}), HllRaise::kRaised);
  EXPECT_EQ(Decoded(value), "v:1,1 Z:99 v:3,1 v:7,1 v:3,1 Z:16280 v:32,1 ");
  EXPECT_FALSE(HllCachedCount(value));
}

TEST(HllSparse, WhatItCannotHoldMakesItDense) {
  std::string value = EmptyHll();
  EXPECT_EQ(HllSparseEditor(value, kBytesMax).Raise({5, 33}), HllRaise::kRaised);
  ASSERT_EQ(HllEncodingOf(value), HllEncoding::kDense);
  ASSERT_TRUE(IsHll(value));
  EXPECT_EQ(HllDenseGet(std::string_view(value).substr(kHllHeaderBytes), 5), 33);

  std::string small = EmptyHll();
  EXPECT_EQ(HllSparseEditor(small, small.size()).Raise({5, 1}), HllRaise::kRaised);
  EXPECT_EQ(HllEncodingOf(small), HllEncoding::kDense);
}

TEST(HllSparse, BrokenOnesAreFoundOut) {
  HllRegisters registers{};
  for (const std::string_view runs :
       {std::string_view(""), std::string_view("\x7f\xfe"), std::string_view("\x7f\xff\x80"),
        std::string_view("\x7f"), std::string_view("\xff\x7f\xff")}) {
    std::string value = WithRuns(runs);
    EXPECT_FALSE(HllSparseMerge(value, registers));
    EXPECT_FALSE(MakeHllDense(value));
    EXPECT_EQ(value, WithRuns(runs));
  }
  std::string value = WithRuns("\x3f");
  EXPECT_EQ(HllSparseEditor(value, kBytesMax).Raise({64, 1}), HllRaise::kBroken);
  EXPECT_EQ(HllSparseEditor(value, kBytesMax).Raise({1, 40}), HllRaise::kBroken);
}

// Any order gives the registers of a plain array, and an editor that lives on the bytes of one that
// begins anew each time.
TEST(HllSparse, AgreesWithAPlainArray) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const bool is_ascending = random() % 2 == 0;
    std::string value = EmptyHll();
    std::string other = EmptyHll();
    HllSparseEditor editor(value, 1u << 20);
    HllRegisters expected{};
    std::uint16_t index = 0;
    for (int i = 0; i < 500; ++i) {
      const auto step =
          static_cast<std::uint16_t>(random() % 60 == 0 ? random() % 2000 : random() % 5);
      if (is_ascending && index + step >= 16384) break;
      index = static_cast<std::uint16_t>(is_ascending ? index + step : random() % 400);
      const HllPlace place{index, static_cast<std::uint8_t>(1 + random() % 4)};
      const bool is_raised = place.count > expected[index];
      ASSERT_EQ(editor.Raise(place), is_raised ? HllRaise::kRaised : HllRaise::kUnchanged);
      HllSparseEditor(other, 1u << 20).Raise(place);
      ASSERT_EQ(value, other);
      expected[index] = std::max(expected[index], place.count);
    }
    HllRegisters registers{};
    ASSERT_TRUE(HllSparseMerge(value, registers));
    ASSERT_EQ(registers, expected);
    ASSERT_TRUE(MakeHllDense(value));
    HllDenseUnpack(std::string_view(value).substr(kHllHeaderBytes), registers);
    ASSERT_EQ(registers, expected);
  }
}

}  // namespace
}  // namespace slotway::storage
