// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/command_learner.h"

#include <gtest/gtest.h>

#include "proxy/backend/fake_shard.h"

namespace slotway::proxy {
namespace {

using Words = std::vector<std::string>;

// wire: what a server says to COMMAND.
std::string EntryOf(const std::string& name) {
  return "*6\r\n$" + std::to_string(name.size()) + "\r\n" + name +
         "\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n";
}

class CommandLearnerTest : public testing::Test {
 protected:
  CommandLearnerTest()
      : learner_(loop_, settings_, [this](const CommandLearner::Snapshot& learned) {
          published_.push_back(learned);
        }) {
    shard_.Answer([this](const Words&) { return reply_; });
  }
  protocol::Topology TopologyOf(int nodes) {
    protocol::Topology topology;
    topology.nodes.resize(static_cast<std::size_t>(nodes));
    for (auto& node : topology.nodes) node.endpoint = {"127.0.0.1", shard_.Port()};
    return topology;
  }

  runtime::EventLoop loop_;
  config::BackendConfig settings_;
  FakeShard shard_{loop_};
  std::string reply_ = "*2\r\n" + EntryOf("get") + EntryOf("mod.get");
  std::vector<CommandLearner::Snapshot> published_;
  CommandLearner learner_;
};

TEST_F(CommandLearnerTest, AsksWhenTheNodesChange) {
  learner_.UpdateTopology(TopologyOf(1));
  ASSERT_TRUE(RunUntil(loop_, [&] { return published_.size() == 1; }));
  EXPECT_NE(published_[0]->Find("mod.get"), nullptr);
  EXPECT_EQ(published_[0]->Find("get"), nullptr);
  learner_.UpdateTopology(TopologyOf(1));
  reply_ = "*1\r\n" + EntryOf("mod.set");
  learner_.UpdateTopology(TopologyOf(2));
  ASSERT_TRUE(RunUntil(loop_, [&] { return published_.size() == 2; }));
  EXPECT_EQ(shard_.Seen().size(), 2u);
  EXPECT_NE(published_[1]->Find("mod.set"), nullptr);
}

TEST_F(CommandLearnerTest, PublishesNewsOnly) {
  learner_.UpdateTopology(TopologyOf(1));
  ASSERT_TRUE(RunUntil(loop_, [&] { return published_.size() == 1; }));
  learner_.UpdateTopology(TopologyOf(2));
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 2; }));
  reply_ = "*2\r\n" + EntryOf("mod.get") + EntryOf("mod.late");
  for (int i = 0; i < 10; ++i) learner_.RequestSoon();
  ASSERT_TRUE(RunUntil(loop_, [&] { return published_.size() == 2; }));
  EXPECT_EQ(shard_.Seen().size(), 3u);
}

TEST_F(CommandLearnerTest, AsksAgainWhenItWasRefused) {
  reply_ = "-NOPERM no\r\n";
  learner_.UpdateTopology(TopologyOf(1));
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 1; }));
  reply_ = "*1\r\n" + EntryOf("mod.get");
  ASSERT_TRUE(RunUntil(loop_, [&] { return published_.size() == 1; }));
}

}  // namespace
}  // namespace slotway::proxy
