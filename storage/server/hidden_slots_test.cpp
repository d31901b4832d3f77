// SPDX-License-Identifier: Apache-2.0
#include "storage/server/hidden_slots.h"

#include <gtest/gtest.h>

#include "storage/cluster/cluster_fixture.h"
#include "storage/commands/command_runner.h"
#include "storage/commands/recording_feed.h"

namespace slotway::storage {
namespace {

using protocol::Slot;

cluster::SlotBitmap OneSlot(int slot) {
  cluster::SlotBitmap slots;
  slots.Add(Slot(slot));
  return slots;
}

// Of the first of three masters, which owns the slots up to 5460.
class HiddenSlotsTest : public testing::Test {
 protected:
  HiddenSlotsTest() { Server().propagation.AddFeed(feed_); }
  ~HiddenSlotsTest() override { Server().propagation.RemoveFeed(feed_); }

  ServerState& Server() { return runner_.State(); }
  Keyspace& Keys() { return Server().Database(0); }
  void Put(int slot, const std::string& key) {
    Keys().SetString(Slot(slot), key, "v", TtlChange::Clear(), Server().now_ms);
  }
  // The stream without the first SELECT.
  std::vector<std::string> Told() {
    std::vector<std::string> commands = feed_.Take();
    std::erase(commands, "SELECT 0");
    return commands;
  }

  runtime::EventLoop loop_;
  CommandRunner runner_;
  RecordingFeed feed_{Audience::kAll};
  cluster::ClusterState state_ = cluster::ThreeShards(0);
  bool expects_ = true;
  HiddenSlots hidden_{loop_, Server(), state_, [this](Slot) { return expects_; }};
};

TEST_F(HiddenSlotsTest, WhatIsExpectedStaysUntilItIsShown) {
  hidden_.Hide(OneSlot(6000));
  Put(6000, "a");
  hidden_.Step();
  EXPECT_EQ(Keys().SizeOfSlot(Slot(6000)), 1u);
  EXPECT_EQ(Keys().VisibleSize(), 0u);
  hidden_.Show(OneSlot(6000));
  EXPECT_EQ(Keys().VisibleSize(), 1u);
  EXPECT_EQ(Told(), (std::vector<std::string>{"CLUSTER SYNCSLOTS HIDE 6000 6000",
                                              "CLUSTER SYNCSLOTS SHOW 6000 6000"}));
}

TEST_F(HiddenSlotsTest, WhatNobodyExpectsIsEmptiedAndThatIsTold) {
  hidden_.Hide(OneSlot(6000));
  Put(6000, "a");
  Put(6001, "b");
  Told();
  expects_ = false;
  hidden_.Step();
  EXPECT_EQ(Keys().SizeOfSlot(Slot(6000)), 0u);
  EXPECT_EQ(Keys().SizeOfSlot(Slot(6001)), 1u) << "nobody has said anything of this one";
  EXPECT_FALSE(hidden_.IsHidden(Slot(6000)));
  EXPECT_EQ(Told(), (std::vector<std::string>{"UNLINK a", "CLUSTER SYNCSLOTS SHOW 6000 6000"}));
}

TEST_F(HiddenSlotsTest, WhatIsLoadedAndOwnedIsShown) {
  expects_ = false;
  hidden_.Apply(OneSlot(5), true);
  Put(5, "a");
  hidden_.Step();
  EXPECT_EQ(Keys().VisibleSize(), 1u);
  EXPECT_EQ(Told(), (std::vector<std::string>{"CLUSTER SYNCSLOTS SHOW 5 5"}));
}

TEST_F(HiddenSlotsTest, WhatIsDoomedGoesAlsoIfTheSlotComesBack) {
  hidden_.Hide(OneSlot(6000));
  Put(6000, "a");
  hidden_.Doom(OneSlot(6000));
  EXPECT_EQ(Keys().Size(), 1u) << "in the background";
  state_.Assign(Slot(6000), state_.MyIndex());
  hidden_.OnOwners();
  EXPECT_EQ(Keys().Size(), 0u) << "before a client sees it";
}

TEST_F(HiddenSlotsTest, AReplicaLeavesItToItsMaster) {
  expects_ = false;
  hidden_.Hide(OneSlot(6000));
  Put(6000, "a");
  Server().replication.is_replica = true;
  hidden_.Step();
  EXPECT_EQ(Keys().Size(), 1u);
}

}  // namespace
}  // namespace slotway::storage
