// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/pubsub_census.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using enum TopicKind;

class PubsubCensusTest : public testing::Test {
 protected:
  PubsubCensusTest() {
    census_.Take({0, "a:1", {{kChannel, "news", {3, 1, true}}, {kPattern, "n*", {2, 1, true}}}});
    census_.Take({1, "a:1", {{kChannel, "news", {1, 1, true}}, {kPattern, "*", {1, 3, true}},
                             {kShard, "s", {5, 1, false}}}});
  }
  PubsubCensus census_{2};
};

TEST_F(PubsubCensusTest, ReceiversAreClientsOfAllWorkers) {
  EXPECT_EQ(census_.Receivers(kChannel, "news"), 3 + 1 + 2 + 1);
  EXPECT_EQ(census_.Receivers(kChannel, "other"), 1);
  EXPECT_EQ(census_.Receivers(kShard, "s"), 5);
}

TEST_F(PubsubCensusTest, OwnReceiversAreUpstreamSubscriptionsOfThatNode) {
  EXPECT_EQ(census_.OwnReceivers(kChannel, "news", "a:1"), 4);
  // Only what is subscribed at every master.
  EXPECT_EQ(census_.OwnReceivers(kChannel, "news", "b:1"), 1);
  EXPECT_EQ(census_.OwnReceivers(kShard, "s", "b:1"), 1);
  EXPECT_EQ(census_.OwnLinks(kPattern, "*"), 3);
}

TEST_F(PubsubCensusTest, NamesCountOnceAndGoWithTheirFigures) {
  EXPECT_EQ(census_.Names(kChannel), 1u);
  EXPECT_EQ(census_.Names(kPattern), 2u);
  EXPECT_EQ(census_.OwnNamesAt(kPattern, "a:1"), 2u);
  EXPECT_EQ(census_.OwnNamesAt(kPattern, "b:1"), 1u);
  census_.Take({1, "a:1", {{kPattern, "*", {}}}});
  EXPECT_EQ(census_.Names(kPattern), 1u);
  EXPECT_EQ(census_.Members(kPattern, "*"), 0);
}

TEST_F(PubsubCensusTest, TopicsAreLeavingUntilTheirShardHasConfirmed) {
  EXPECT_EQ(census_.Leaving(), 0u);
  census_.Take(
      {0, "a:1", {{kChannel, "news", {0, 1, true, true}}, {kShard, "t", {0, 1, false, true}}}});
  census_.Take({1, "a:1", {{kChannel, "news", {0, 1, true, true}}}});
  EXPECT_EQ(census_.Leaving(), 3u);
  census_.Take({0, "a:1", {{kChannel, "news", {1, 1, true, false}}, {kShard, "t", {}}}});
  EXPECT_EQ(census_.Leaving(), 1u);
}

}  // namespace
}  // namespace slotway::proxy
