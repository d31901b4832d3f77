// SPDX-License-Identifier: Apache-2.0
#include "runtime/wakeup_moderation.h"

#include <deque>
#include <gtest/gtest.h>
#include <vector>

namespace slotway::runtime {
namespace {

class WakeupModerationTest : public testing::Test {
 protected:
  // The pause after two windows of so many connections: each asks once in every `round_us`, and has
  // its answer after `answer_us`.
  std::uint32_t PauseUnder(std::size_t connections, std::uint64_t round_us,
                           std::uint64_t answer_us) {
    std::vector<std::uint32_t> asked(connections, 0);
    std::deque<std::pair<std::uint64_t, std::size_t>> due;
    const std::uint64_t began_us = now_us_;
    std::uint64_t reads = 0;
    std::uint32_t pause_us = moderation_.PauseUs(now_us_);
    while (now_us_ < began_us + 2 * WakeupModeration::kWindowUs) {
      ++now_us_;
      for (; !due.empty() && due.front().first <= now_us_; due.pop_front()) {
        moderation_.NoteAnswered(asked[due.front().second], now_us_);
      }
      for (; reads * round_us < (now_us_ - began_us) * connections; ++reads) {
        moderation_.NoteRead(asked[reads % connections], now_us_);
        due.emplace_back(now_us_ + answer_us, reads % connections);
      }
      pause_us = moderation_.PauseUs(now_us_);
    }
    return pause_us;
  }

  WakeupModeration moderation_;
  std::uint64_t now_us_ = 1'000'000;
};

TEST_F(WakeupModerationTest, WhoWaitsWithFewOthersIsNeverKeptWaiting) {
  EXPECT_EQ(moderation_.PauseUs(now_us_), 0u);
  EXPECT_EQ(PauseUnder(1, 25, 25), 0u);
  EXPECT_EQ(PauseUnder(4, 400, 390), 0u);
  EXPECT_EQ(PauseUnder(7, 300, 290), 0u);
}

TEST_F(WakeupModerationTest, APauseIsAPartOfWhatAnswersTakeAnyway) {
  EXPECT_NEAR(PauseUnder(50, 1000, 900), 225, 5);
  EXPECT_NEAR(PauseUnder(50, 1000, 300), 75, 3);
  EXPECT_EQ(PauseUnder(50, 50, 38), 0u) << "too short to sleep for";
}

TEST_F(WakeupModerationTest, WhoThinksBetweenRequestsIsNotTakenForOneWhoWaits) {
  EXPECT_EQ(PauseUnder(500, 20'000, 200), 0u) << "five of them wait at once";
  EXPECT_NEAR(PauseUnder(2000, 20'000, 200), 50, 3);
}

TEST_F(WakeupModerationTest, NoPauseIsLongerThanTheLongest) {
  EXPECT_EQ(PauseUnder(1000, 4000, 3900), WakeupModeration::kPauseMaxUs);
  moderation_.SetPauseMax(30);
  EXPECT_EQ(PauseUnder(1000, 4000, 3900), 30u);
  moderation_.SetPauseMax(0);
  EXPECT_EQ(PauseUnder(1000, 4000, 3900), 0u);
}

TEST_F(WakeupModerationTest, AnAnswerThatCameAfterSecondsCountsAsOneOfAWindow) {
  std::uint32_t asked = 0;
  moderation_.NoteRead(asked, now_us_);
  now_us_ += 10'000'000;
  EXPECT_NEAR(PauseUnder(50, 1000, 300), 75, 3);
  moderation_.NoteAnswered(asked, now_us_);
  EXPECT_EQ(asked, 0u);
  EXPECT_NEAR(PauseUnder(50, 1000, 300), 77, 5);
}

TEST_F(WakeupModerationTest, WhatIsReadTwiceBeforeItsAnswerWaitsSinceTheFirstTime) {
  std::uint32_t asked = 0;
  moderation_.NoteRead(asked, 100);
  moderation_.NoteRead(asked, 200);
  EXPECT_EQ(asked, 100u);
  std::uint32_t at_zero = 0;
  moderation_.NoteRead(at_zero, std::uint64_t{1} << 32);
  EXPECT_NE(at_zero, 0u) << "it waits";
}

TEST_F(WakeupModerationTest, ARequestThatComesInManyReadsIsOneThatWaits) {
  std::uint32_t asked = 0;
  for (int i = 0; i < 10'000; ++i) {
    moderation_.NoteRead(asked, ++now_us_);
    if (i % 4000 == 3999) moderation_.NoteAnswered(asked, now_us_);
    EXPECT_EQ(moderation_.PauseUs(now_us_), 0u);
  }
}

TEST_F(WakeupModerationTest, WhoWorksForHalfOfTheTimeGoesOnWithWhatIsReady) {
  // Works for `busy_us` of each 100 us and waits for the rest of them, for two windows.
  auto work = [this](std::uint64_t busy_us) {
    for (const auto end_us = now_us_ + 2 * WakeupModeration::kWindowUs; now_us_ < end_us;) {
      moderation_.PauseUs(now_us_);
      now_us_ += 100 - busy_us;
      moderation_.EndWait(now_us_);
      moderation_.EndWait(now_us_ + 1);
      now_us_ += busy_us;
    }
    return moderation_.GoesOn();
  };
  EXPECT_FALSE(work(0));
  EXPECT_FALSE(work(45));
  EXPECT_TRUE(work(55));
  EXPECT_TRUE(work(100));
  EXPECT_FALSE(work(45));
}

TEST_F(WakeupModerationTest, WhoHadMuchToDoGoesOnWithWhatIsReady) {
  for (const std::uint32_t work_us : {WakeupModeration::kMuchWorkUs, 10u}) {
    moderation_.PauseUs(now_us_);
    moderation_.EndWait(now_us_ += 10 * WakeupModeration::kWindowUs);
    moderation_.PauseUs(now_us_ += work_us);
    EXPECT_EQ(moderation_.GoesOn(), work_us == WakeupModeration::kMuchWorkUs);
  }
}

TEST_F(WakeupModerationTest, WhoIsNotToldThatItHasSomethingToDoHasWaited) {
  for (int i = 0; i < 1000; ++i) moderation_.PauseUs(now_us_ += 100);
  EXPECT_FALSE(moderation_.GoesOn());
}

TEST_F(WakeupModerationTest, FollowsTheLoadWithinTwoWindows) {
  EXPECT_GT(PauseUnder(50, 1000, 900), 0u);
  EXPECT_EQ(PauseUnder(1, 25, 25), 0u);
  EXPECT_GT(PauseUnder(50, 1000, 900), 0u);
}

}  // namespace
}  // namespace slotway::runtime
