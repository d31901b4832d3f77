// SPDX-License-Identifier: Apache-2.0
// The stream of changes of whole requests: transactions, who waited, what had to make room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/recording_feed.h"
#include "storage/server/executor_fixture.h"

namespace slotway::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ExecutorPropagationTest : public ExecutorFixture {
 protected:
  ExecutorPropagationTest() {
    runner_.State().propagation.AddFeed(file_);
    runner_.State().propagation.AddFeed(replicas_);
    Send({"set", "first", "1"});
    file_.Take();
    replicas_.Take();
  }
  ~ExecutorPropagationTest() override {
    runner_.State().propagation.RemoveFeed(file_);
    runner_.State().propagation.RemoveFeed(replicas_);
  }

  RecordingFeed file_{Audience::kFile};
  RecordingFeed replicas_{Audience::kReplicas};
};

TEST_F(ExecutorPropagationTest, ATransactionIsOneUnit) {
  Send({"multi"});
  Send({"set", "a", "1"});
  Send({"get", "a"});
  Send({"spop", "none"});
  EXPECT_THAT(file_.Take(), IsEmpty());
  Send({"exec"});
  EXPECT_THAT(file_.Take(), ElementsAre("set a 1"));
  Send({"multi"});
  Send({"set", "a", "1"});
  Send({"select", "3"});
  Send({"set", "b", "2"});
  Send({"exec"});
  EXPECT_THAT(file_.Take(), ElementsAre("MULTI", "set a 1", "SELECT 3", "set b 2", "EXEC"));
}

TEST_F(ExecutorPropagationTest, WhatIsForReplicasOnlyMakesNoUnitOfTheFiles) {
  Send({"multi"});
  Send({"set", "a", "1"});
  Send({"publish", "c", "m"});
  Send({"exec"});
  EXPECT_THAT(file_.Take(), ElementsAre("set a 1"));
  EXPECT_THAT(replicas_.Take(), ElementsAre("MULTI", "set a 1", "publish c m", "EXEC"));
}

TEST_F(ExecutorPropagationTest, WhoWaitedTakesBehindWhatServedIt) {
  Send(other_, {"blpop", "l", "0"});
  EXPECT_THAT(file_.Take(), IsEmpty());
  Send({"rpush", "l", "v"});
  EXPECT_THAT(file_.Take(), ElementsAre("rpush l v", "LPOP l"));
  Send(other_, {"blmove", "l", "m", "right", "left", "0"});
  Send({"multi"});
  Send({"rpush", "l", "v"});
  Send({"rpush", "l", "w"});
  Send({"exec"});
  EXPECT_THAT(file_.Take(),
              ElementsAre("MULTI", "rpush l v", "rpush l w", "EXEC", "LMOVE l m right left"));
}

TEST_F(ExecutorPropagationTest, WhatMakesRoomIsDeletedFirst) {
  ServerState& state = runner_.State();
  Send({"set", "large", std::string(100'000, 'x')});
  Send({"del", "first"});
  file_.Take();
  state.settings.Set("maxmemory-policy", "allkeys-random");
  state.settings.Set("maxmemory", std::to_string(state.UsedMemoryBytes() - 50'000));
  Send({"set", "small", "1"});
  EXPECT_THAT(file_.Take(), ElementsAre("DEL large", "set small 1"));
}

}  // namespace
}  // namespace slotway::storage
