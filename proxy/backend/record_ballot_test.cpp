// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/record_ballot.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using protocol::RecordMark;
using Masters = std::vector<MasterRecords>;

constexpr RecordMark kOld{1, 5}, kMine{2, 7}, kTheirs{2, 9};

TEST(RecordBallot, TheNewestVersionLeadsWhereverItIs) {
  EXPECT_EQ(LeadingRecord(Masters{{true, {}}, {true, {}}}), std::nullopt);
  EXPECT_EQ(LeadingRecord(Masters{{true, {kOld}}, {true, {kOld}}, {true, {kOld, kMine}}}), kMine);
  EXPECT_EQ(LeadingRecord(Masters{{true, {kMine}}, {true, {kOld}}, {false, {}}}), kMine);
}

TEST(RecordBallot, OfTwoOfOneVersionTheOneThatMoreHaveThenTheFirst) {
  EXPECT_EQ(LeadingRecord(Masters{{true, {kMine}}, {true, {kTheirs}}, {true, {kTheirs}}}), kTheirs);
  EXPECT_EQ(LeadingRecord(Masters{{true, {kTheirs}}, {true, {kMine}}, {true, {kOld}}}), kTheirs);
}

TEST(RecordBallot, AMajorityIsMoreThanHalf) {
  EXPECT_FALSE(HasMajority(Masters{}));
  EXPECT_FALSE(HasMajority(Masters{{true, {}}, {false, {}}}));
  EXPECT_TRUE(HasMajority(Masters{{true, {}}, {false, {}}, {true, {}}}));
  EXPECT_EQ(HoldersOf(kMine, Masters{{true, {kMine, kOld}}, {true, {kTheirs}}, {true, {kMine}}}),
            2u);
}

}  // namespace
}  // namespace slotway::proxy
