// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/replica_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/topology_fixture.h"

namespace slotway::proxy {
namespace {

class ReplicaSourceTest : public TopologyFixture {
 protected:
  ReplicaSourceTest() {
    settings_.kind = config::BackendKind::kMasterReplica;
    for (auto* shard : {&x_, &y_, &z_}) Seed(*shard);
    Tell(x_, Role('a', &y_));
    Tell(y_, Role('a'));
    Tell(z_, Role('a', &y_));
  }
};

TEST_F(ReplicaSourceTest, FindsTheMasterAmongTheSeeds) {
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(), y_.Port());
  EXPECT_EQ(OwnerPort(16383), y_.Port());
  EXPECT_FALSE(refresher_->Current()->has_slots);
  EXPECT_EQ(refresher_->Current()->nodes.size(), 3u);
  EXPECT_THAT(x_.Seen(), testing::Each("INFO replication"));
  ASSERT_TRUE(Rounds(3));
  EXPECT_EQ(refresher_->Changes(), 1u);
}

TEST_F(ReplicaSourceTest, FollowsAPromotionOnceTheOldMasterIsDemoted) {
  Start();
  ASSERT_TRUE(Changed(1));
  Tell(x_, Role('b', nullptr, 200, 'a'));
  ASSERT_TRUE(Rounds(4));
  EXPECT_EQ(OwnerPort(), y_.Port()) << "while it is a master it stays ours";
  Tell(y_, Role('b', &x_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return OwnerPort() == x_.Port(); }));
  // It forgets its past only now; the other replica follows later still.
  Tell(z_, Role('b', &x_));
  ASSERT_TRUE(Rounds(3));
  EXPECT_EQ(OwnerPort(), x_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 3u);
}

TEST_F(ReplicaSourceTest, FollowsAPromotionWhenTheOldMasterIsDead) {
  Start();
  ASSERT_TRUE(Changed(1));
  y_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  EXPECT_THAT(refresher_->LastError(), testing::HasSubstr("no node says that it is a master"));
  EXPECT_EQ(OwnerPort(), y_.Port()) << "nobody better is known";
  Tell(z_, Role('c', nullptr, 100, 'a'));
  ASSERT_TRUE(RunUntil(loop_, [&] { return OwnerPort() == z_.Port(); }));
  // It comes back as it was: a master that nobody needs.
  y_.Reopen();
  ASSERT_TRUE(Rounds(4));
  EXPECT_EQ(OwnerPort(), z_.Port());
}

TEST_F(ReplicaSourceTest, StartsWhileReplicasAreDown) {
  x_.HangUp(true);
  z_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(), y_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 1u);
  x_.Reopen();
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(refresher_->Current()->nodes.size(), 2u);
}

TEST_F(ReplicaSourceTest, ANodeThatTalksNonsenseIsLeftOut) {
  Tell(z_, "role:master");
  Tell(x_, "nonsense");
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(), y_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 1u);
}

}  // namespace
}  // namespace slotway::proxy
