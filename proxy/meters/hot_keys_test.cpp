// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/hot_keys.h"

#include <gtest/gtest.h>

#include "proxy/meters/big_keys.h"

namespace slotway::proxy {
namespace {

double SamplesOf(const HotKeys::Report& report, std::string_view key) {
  for (const HotKey& hot : report.keys) {
    if (hot.key == key) return hot.samples;
  }
  return 0;
}

TEST(HotKeys, FindsWhatIsHotAmongManyThatAreNot) {
  HotKeys keys;
  for (int i = 0; i < 100'000; ++i) {
    keys.Sample(i % 50 == 0 ? "hot" : "cold" + std::to_string(i), 1000);
  }
  const HotKeys::Report report = keys.Read(2000);
  EXPECT_EQ(report.keys.size(), HotKeys::kCountersMax);
  EXPECT_EQ(report.samples, 100'000);
  EXPECT_GE(SamplesOf(report, "hot"), 2000);  // never too low
  EXPECT_LE(SamplesOf(report, "hot"), 2000 + 100'000 / double{HotKeys::kCountersMax});
  EXPECT_EQ(SamplesOf(report, "cold1"), 0);
}

TEST(HotKeys, WhatIsLongAgoCountsLess) {
  HotKeys keys;
  for (int i = 0; i < 100; ++i) keys.Sample("old", 1000);
  for (int i = 0; i < 60; ++i) keys.Sample("new", 1000 + HotKeys::kHalvedEveryMs);
  const HotKeys::Report report = keys.Read(1000 + HotKeys::kHalvedEveryMs);
  EXPECT_EQ(SamplesOf(report, "old"), 50);
  EXPECT_EQ(SamplesOf(report, "new"), 60);
  EXPECT_EQ(report.seconds, 30);
  keys.Sample("now", 1000 + 1000 * HotKeys::kHalvedEveryMs);
  EXPECT_LT(SamplesOf(keys.Read(1000 + 1000 * HotKeys::kHalvedEveryMs), "new"), 1e-6);
}

TEST(HotKeys, LongKeysAreCut) {
  HotKeys keys;
  keys.Sample(std::string(100'000, 'k'), 1000);
  EXPECT_EQ(keys.Read(1000).keys[0].key.size(), HotKeys::kKeyBytesMax);
}

TEST(BigKeys, KeepsTheLargestAndForgets) {
  BigKeys keys;
  for (std::size_t i = 1; i <= 1000; ++i) keys.Note("k" + std::to_string(i), "get", i, 100);
  auto all = keys.Read(100);
  EXPECT_EQ(all.size(), BigKeys::kKeysMax);
  for (const BigKey& key : all) EXPECT_GT(key.bytes, 1000 - BigKeys::kKeysMax);
  keys.Note("k1000", "get", 5, 101);  // was larger
  keys.Note("k999", "set", 5000, 101);
  for (const BigKey& key : keys.Read(101)) {
    if (key.key == "k1000") {
      EXPECT_EQ(key.bytes, 1000u);
    }
    if (key.key == "k999") {
      EXPECT_EQ(key.bytes, 5000u);
    }
  }
  EXPECT_EQ(keys.Read(100 + BigKeys::kForgottenAfterS).size(), 1u);
}

}  // namespace
}  // namespace slotway::proxy
