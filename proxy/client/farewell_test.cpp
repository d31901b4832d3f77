// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/farewell.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using Step = Farewell::Step;

TEST(Farewell, GoesWithTheAnswerIfNothingElseIsAsked) {
  Farewell farewell;
  EXPECT_EQ(farewell.AtOutput(100, 98, true, false), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(109, 98, true, false), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(110, 98, true, false), Step::kGo);
}

TEST(Farewell, WaitsForTheRestOfAPipeline) {
  Farewell farewell;
  EXPECT_EQ(farewell.AtOutput(100, 98, true, true), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(140, 140, false, true), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(239, 140, true, true), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(240, 140, true, true), Step::kGo);
}

TEST(Farewell, WhoAlwaysAsksForMoreIsServedOn) {
  Farewell farewell;
  for (std::uint64_t now = 100; now < 160; ++now) {
    EXPECT_EQ(farewell.AtOutput(now, now, true, false), Step::kKeep);
  }
  EXPECT_EQ(farewell.AtOutput(160, 160, true, false), Step::kSend);
  EXPECT_EQ(farewell.AtOutput(659, 650, true, false), Step::kSend);
  EXPECT_EQ(farewell.AtOutput(660, 650, true, false), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(670, 650, true, false), Step::kGo);
}

TEST(Farewell, WhatLeftBeforeWasNotKept) {
  Farewell farewell;
  EXPECT_EQ(farewell.AtOutput(100, 98, true, false), Step::kKeep);
  EXPECT_EQ(farewell.SendNow(), Step::kSend);
  EXPECT_EQ(farewell.AtOutput(120, 118, true, false), Step::kKeep);
  EXPECT_EQ(farewell.AtOutput(130, 118, true, false), Step::kGo);
}

TEST(Farewell, CallsOffFromTimeToTime) {
  Farewell farewell;
  EXPECT_TRUE(farewell.MayCallOff(100));
  EXPECT_FALSE(farewell.MayCallOff(599));
  EXPECT_TRUE(farewell.MayCallOff(600));
  EXPECT_FALSE(farewell.MayCallOff(601));
}

TEST(Farewell, BeginsOnce) {
  Farewell farewell;
  EXPECT_FALSE(farewell.HasBegun());
  farewell.Begin(100);
  farewell.Begin(200);
  EXPECT_TRUE(farewell.HasBegun());
  EXPECT_EQ(farewell.BegunAtMs(), 100u);
}

}  // namespace
}  // namespace slotway::proxy
