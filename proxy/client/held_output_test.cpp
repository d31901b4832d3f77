// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/held_output.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(HeldOutput, WaitsForTheRestOfTheMillisecondAtLeast) {
  HeldOutput held;
  EXPECT_TRUE(held.MayWait(100, 100));
  EXPECT_TRUE(held.MayWait(100, 100));
  EXPECT_FALSE(held.MayWait(101, 100));
}

TEST(HeldOutput, WaitsAsLongAsTheFirstReplyTook) {
  HeldOutput held;
  EXPECT_TRUE(held.MayWait(103, 100));
  EXPECT_TRUE(held.MayWait(106, 100));
  EXPECT_FALSE(held.MayWait(107, 100));
}

TEST(HeldOutput, WaitsFiveMillisecondsAtMost) {
  HeldOutput held;
  EXPECT_TRUE(held.MayWait(900, 100));
  EXPECT_TRUE(held.MayWait(905, 100));
  EXPECT_FALSE(held.MayWait(906, 100));
}

TEST(HeldOutput, BeginsAnewOnceTheOutputHasLeft) {
  HeldOutput held;
  EXPECT_TRUE(held.MayWait(100, 100));
  held.End();
  EXPECT_TRUE(held.MayWait(102, 101));
  EXPECT_TRUE(held.MayWait(103, 101));
  EXPECT_FALSE(held.MayWait(104, 101));
  EXPECT_TRUE(held.MayWait(104, 101));
}

}  // namespace
}  // namespace slotway::proxy
