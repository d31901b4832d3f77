// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/offset_history.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');

TEST(OffsetHistory, TellsWhenTheMasterHadWrittenNoMore) {
  OffsetHistory history;
  EXPECT_FALSE(history.TimeOf(kA, 100));
  history.Note(10, kA, 100);
  history.Note(20, kA, 150);
  history.Note(30, kA, 200);
  EXPECT_FALSE(history.TimeOf(kA, 99));
  EXPECT_EQ(history.TimeOf(kA, 100), 10u);
  EXPECT_EQ(history.TimeOf(kA, 149), 10u);
  EXPECT_EQ(history.TimeOf(kA, 150), 20u);
  EXPECT_EQ(history.TimeOf(kA, 199), 20u);
  EXPECT_EQ(history.TimeOf(kA, 10'000), 30u);
}

TEST(OffsetHistory, AnIdleMasterKeepsItsReplicasFresh) {
  OffsetHistory history;
  for (std::uint64_t now_ms = 10; now_ms <= 1000; now_ms += 10) history.Note(now_ms, kA, 100);
  EXPECT_EQ(history.TimeOf(kA, 100), 1000u);
}

TEST(OffsetHistory, AnotherHistoryOrALostOneBeginsAnew) {
  OffsetHistory history;
  history.Note(10, kA, 100);
  history.Note(20, kB, 110);
  EXPECT_FALSE(history.TimeOf(kA, 100));
  EXPECT_FALSE(history.TimeOf(kB, 100));
  EXPECT_EQ(history.TimeOf(kB, 110), 20u);
  history.Note(30, kB, 50);
  EXPECT_EQ(history.TimeOf(kB, 110), 30u);
  EXPECT_EQ(history.HistoryId(), kB);
}

// What is forgotten makes a replica look older, never younger.
TEST(OffsetHistory, IsBounded) {
  OffsetHistory history;
  for (std::uint64_t i = 1; i <= 5000; ++i) history.Note(i, kA, i);
  EXPECT_FALSE(history.TimeOf(kA, 100));
  EXPECT_EQ(history.TimeOf(kA, 4500), 4500u);
}

}  // namespace
}  // namespace slotway::proxy
