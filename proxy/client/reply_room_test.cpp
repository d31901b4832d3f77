// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/reply_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReplyRoomTest : public testing::Test {
 protected:
  ReplyClaims& Client() {
    auto number = static_cast<int>(clients_.size());
    clients_.push_back(
        std::make_unique<ReplyClaims>([this, number] { called_.push_back(number); }));
    return *clients_.back();
  }
  // Who was called since the last time.
  std::vector<int> Called() { return std::exchange(called_, {}); }

  ReplyRoom room_{100}, other_room_{100};
  std::vector<int> called_;  // also by clients that end
  std::vector<std::unique_ptr<ReplyClaims>> clients_;
};

TEST_F(ReplyRoomTest, IsGivenBackWhenTheReplyHasLeft) {
  ReplyClaims& client = Client();
  EXPECT_TRUE(client.Take(room_, 60, 7));
  EXPECT_TRUE(client.Take(room_, 30, 8));
  client.NoteAnswered(7);
  EXPECT_EQ(room_.TakenBytes(), 90u);
  client.NoteAnswered(8);
  EXPECT_EQ(room_.TakenBytes(), 30u);
  EXPECT_FALSE(client.Empty());
  client.NoteAnswered(20);
  EXPECT_EQ(room_.TakenBytes(), 0u);
  EXPECT_TRUE(client.Empty());
}

TEST_F(ReplyRoomTest, SequencesWrapAround) {
  ReplyClaims& client = Client();
  EXPECT_TRUE(client.Take(room_, 10, 0xffffffff));
  EXPECT_TRUE(client.Take(room_, 10, 0));
  client.NoteAnswered(0);
  EXPECT_EQ(room_.TakenBytes(), 10u);
}

TEST_F(ReplyRoomTest, WhatNeverFitsIsAskedForAlone) {
  ReplyClaims &first = Client(), &second = Client();
  EXPECT_TRUE(first.Take(room_, 1000, 0));
  EXPECT_FALSE(second.Take(room_, 1, 0));
  first.NoteAnswered(1);
  EXPECT_THAT(Called(), ElementsAre(1));
}

TEST_F(ReplyRoomTest, LineIsFirstInFirstOut) {
  ReplyClaims &first = Client(), &second = Client(), &third = Client(), &fourth = Client();
  EXPECT_TRUE(first.Take(room_, 50, 0));
  EXPECT_TRUE(first.Take(room_, 50, 1));
  EXPECT_FALSE(second.Take(room_, 70, 0));
  EXPECT_FALSE(third.Take(room_, 30, 0));
  first.NoteAnswered(1);
  EXPECT_THAT(Called(), IsEmpty()) << "there was room for the third, but not for the second";
  EXPECT_FALSE(fourth.Take(room_, 10, 0)) << "others stand in line";
  first.NoteAnswered(2);
  EXPECT_THAT(Called(), ElementsAre(1, 2));
  EXPECT_FALSE(second.IsInLine());
  EXPECT_TRUE(second.Take(room_, 70, 0)) << "what was refused before";
  EXPECT_TRUE(third.Take(room_, 30, 0));
  EXPECT_EQ(room_.TakenBytes(), 100u);
  third.NoteAnswered(1);
  EXPECT_THAT(Called(), ElementsAre(3));
}

TEST_F(ReplyRoomTest, WhoAsksAgainKeepsItsPlace) {
  ReplyClaims &first = Client(), &second = Client(), &third = Client();
  EXPECT_TRUE(first.Take(room_, 100, 0));
  EXPECT_FALSE(second.Take(room_, 100, 0));
  EXPECT_FALSE(third.Take(room_, 100, 0));
  EXPECT_FALSE(second.Take(room_, 100, 0));
  first.NoteAnswered(1);
  EXPECT_THAT(Called(), ElementsAre(1));
}

TEST_F(ReplyRoomTest, OfferThatIsNotUsedGoesToTheNext) {
  ReplyClaims &first = Client(), &second = Client(), &third = Client();
  EXPECT_TRUE(first.Take(room_, 100, 0));
  EXPECT_FALSE(second.Take(room_, 100, 0));
  EXPECT_FALSE(third.Take(room_, 100, 0));
  first.NoteAnswered(1);
  EXPECT_THAT(Called(), ElementsAre(1));
  second.GiveUpOffer();
  EXPECT_THAT(Called(), ElementsAre(2));
  EXPECT_TRUE(second.Empty());
}

TEST_F(ReplyRoomTest, WhoTurnsToAnotherRoomLeavesLineAndOffer) {
  ReplyClaims &first = Client(), &second = Client(), &third = Client();
  EXPECT_TRUE(first.Take(room_, 100, 0));
  EXPECT_FALSE(second.Take(room_, 100, 0));
  EXPECT_FALSE(third.Take(room_, 100, 0));
  EXPECT_TRUE(second.Take(other_room_, 10, 0));
  first.NoteAnswered(1);
  EXPECT_THAT(Called(), ElementsAre(2));
  EXPECT_TRUE(third.Take(other_room_, 10, 0));
  EXPECT_EQ(room_.TakenBytes(), 0u);
}

TEST_F(ReplyRoomTest, WhoGoesLeavesEverything) {
  ReplyClaims &first = Client(), &second = Client(), &third = Client(), &fourth = Client();
  EXPECT_TRUE(first.Take(room_, 100, 0));
  EXPECT_FALSE(second.Take(room_, 100, 0));
  EXPECT_FALSE(third.Take(room_, 50, 0));
  EXPECT_FALSE(fourth.Take(room_, 50, 0));
  clients_[1].reset();
  EXPECT_THAT(Called(), IsEmpty());
  third.Withdraw();
  clients_[0].reset();
  EXPECT_THAT(Called(), ElementsAre(3));
  clients_[3].reset();
  EXPECT_EQ(room_.TakenBytes(), 0u);
}

}  // namespace
}  // namespace slotway::proxy
