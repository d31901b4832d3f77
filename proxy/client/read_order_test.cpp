// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/read_order.h"

#include <gtest/gtest.h>

#include "proxy/reply/reply_fixture.h"

namespace slotway::proxy {
namespace {

using Verdict = ReadOrder::Verdict;

class ReadOrderTest : public testing::Test {
 protected:
  Verdict Next(bool may_use_replica) {
    Verdict verdict = order_.Next(client_.queue, may_use_replica);
    if (verdict != Verdict::kWait) last_ = client_.queue.Open();
    return verdict;
  }
  Verdict Read() { return Next(true); }
  Verdict Write() { return Next(false); }
  void AnswerAll() {
    while (client_.queue.Outstanding() > 0) {
      client_.queue.Deliver(last_ + 1 - static_cast<std::uint32_t>(client_.queue.Outstanding()),
                            "+OK\r\n");
    }
  }

  runtime::EventLoop loop_;
  FakeClient client_{loop_};
  ReadOrder order_{7};
  ReplyQueue::Sequence last_ = 0;
};

TEST_F(ReadOrderTest, ReadsGoToOneReplicaWhileAnythingIsOnItsWay) {
  EXPECT_EQ(Read(), Verdict::kReplica);
  std::uint32_t turn = order_.Turn();
  EXPECT_EQ(Read(), Verdict::kReplica);
  EXPECT_EQ(order_.Turn(), turn);
  AnswerAll();
  EXPECT_EQ(Read(), Verdict::kReplica);
  EXPECT_EQ(order_.Turn(), turn + 1) << "the next batch may go elsewhere";
  AnswerAll();
}

TEST_F(ReadOrderTest, AReadBehindAWriteGoesWithIt) {
  EXPECT_EQ(Write(), Verdict::kMaster);
  EXPECT_EQ(Read(), Verdict::kMaster);
  EXPECT_EQ(Write(), Verdict::kMaster);
  EXPECT_EQ(Read(), Verdict::kMaster);
  AnswerAll();
  EXPECT_EQ(Read(), Verdict::kReplica);
  AnswerAll();
}

TEST_F(ReadOrderTest, AWriteWaitsForReadsOfReplicas) {
  EXPECT_EQ(Read(), Verdict::kReplica);
  EXPECT_EQ(Write(), Verdict::kWait);
  EXPECT_EQ(Write(), Verdict::kWait);
  EXPECT_TRUE(order_.HasReadsOnTheirWay(client_.queue));
  AnswerAll();
  EXPECT_FALSE(order_.HasReadsOnTheirWay(client_.queue));
  EXPECT_EQ(Write(), Verdict::kMaster);
  AnswerAll();
}

}  // namespace
}  // namespace slotway::proxy
