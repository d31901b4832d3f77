// SPDX-License-Identifier: Apache-2.0
#include "runtime/flat_bytes.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace slotway::runtime {
namespace {

TEST(FlatBytes, EmptyOnesHoldNoMemory) {
  FlatBytes bytes;
  EXPECT_TRUE(bytes.Empty());
  EXPECT_EQ(bytes.Capacity(), 0u);
  bytes.Append("");
  EXPECT_TRUE(bytes.Empty());
}

TEST(FlatBytes, WhatWasAppendedStaysWhereItWas) {
  std::mt19937 random(7);
  FlatBytes bytes;
  std::string model;
  for (int step = 0; step < 1000; ++step) {
    const std::string more(random() % 100, static_cast<char>('a' + step % 26));
    bytes.Append(more);
    model += more;
    ASSERT_EQ(bytes.Size(), model.size());
    const std::size_t offset = random() % (model.size() + 1);
    ASSERT_EQ(bytes.At(offset, model.size() - offset), model.substr(offset));
  }
  EXPECT_LE(bytes.Capacity(), 2 * model.size());
}

TEST(FlatBytes, ClearKeepsTheMemoryAndFreeGivesItBack) {
  FlatBytes bytes;
  bytes.Append(std::string(1000, 'x'));
  const std::size_t capacity = bytes.Capacity();
  bytes.Clear();
  EXPECT_TRUE(bytes.Empty());
  EXPECT_EQ(bytes.Capacity(), capacity);
  bytes.Append("y");
  EXPECT_EQ(bytes.At(0, 1), "y");
  bytes.Free();
  EXPECT_TRUE(bytes.Empty());
  EXPECT_EQ(bytes.Capacity(), 0u);
}

TEST(FlatBytes, SwapExchangesAll) {
  FlatBytes one, other;
  one.Append("one");
  one.Swap(other);
  EXPECT_TRUE(one.Empty());
  EXPECT_EQ(other.At(0, other.Size()), "one");
}

}  // namespace
}  // namespace slotway::runtime
