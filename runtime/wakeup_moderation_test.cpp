// SPDX-License-Identifier: Apache-2.0
#include "runtime/wakeup_moderation.h"

#include <gtest/gtest.h>
#include <vector>

namespace slotway::runtime {
namespace {

class WakeupModerationTest : public testing::Test {
 protected:
  // The pause after two windows of so many connections, each read once in every `round_us`.
  std::uint32_t PauseUnder(std::size_t connections, std::uint64_t round_us) {
    std::vector<std::uint32_t> marks(connections, 0);
    const std::uint64_t began_us = now_us_;
    std::uint64_t reads = 0;
    std::uint32_t pause_us = moderation_.PauseUs(now_us_);
    while (now_us_ < began_us + 2 * WakeupModeration::kWindowUs) {
      ++now_us_;
      for (; reads * round_us < (now_us_ - began_us) * connections; ++reads) {
        moderation_.NoteRead(marks[reads % connections]);
      }
      pause_us = moderation_.PauseUs(now_us_);
    }
    return pause_us;
  }

  WakeupModeration moderation_;
  std::uint64_t now_us_ = 1'000'000;
};

TEST_F(WakeupModerationTest, FewConnectionsAreNeverKeptWaiting) {
  EXPECT_EQ(moderation_.PauseUs(now_us_), 0u);
  EXPECT_EQ(PauseUnder(1, 25), 0u);
  EXPECT_EQ(PauseUnder(4, 40), 0u);
  EXPECT_EQ(PauseUnder(15, 300), 0u);
}

TEST_F(WakeupModerationTest, APauseIsAPartOfWhatARoundTakesAnyway) {
  EXPECT_NEAR(PauseUnder(50, 400), 50, 3);
  EXPECT_NEAR(PauseUnder(50, 160), 20, 2);
  EXPECT_EQ(PauseUnder(50, 60), 0u) << "too short to sleep for";
}

TEST_F(WakeupModerationTest, NoPauseIsLongerThanTheLongest) {
  EXPECT_EQ(PauseUnder(1000, 4000), WakeupModeration::kPauseMaxUs);
  moderation_.SetPauseMax(30);
  EXPECT_EQ(PauseUnder(1000, 4000), 30u);
  moderation_.SetPauseMax(0);
  EXPECT_EQ(PauseUnder(1000, 4000), 0u);
}

TEST_F(WakeupModerationTest, ThereIsNoneWhereNothingWouldCome) {
  EXPECT_EQ(PauseUnder(50, 1'000'000), 0u);
}

TEST_F(WakeupModerationTest, FollowsTheLoadWithinTwoWindows) {
  EXPECT_GT(PauseUnder(50, 400), 0u);
  EXPECT_EQ(PauseUnder(1, 25), 0u);
  EXPECT_GT(PauseUnder(50, 400), 0u);
}

}  // namespace
}  // namespace slotway::runtime
