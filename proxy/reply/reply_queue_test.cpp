// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_queue.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "proxy/reply/reply_fixture.h"

namespace slotway::proxy {
namespace {

class ReplyQueueTest : public testing::Test {
 protected:
  runtime::EventLoop loop_;
  FakeClient client_{loop_};
  ReplyQueue& queue_ = client_.queue;
};

// Replies in random order, some silent, some in pieces, some large, against a plain string.
TEST_F(ReplyQueueTest, RepliesLeaveInTheOrderOfRequests) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    FakeClient client(loop_);
    std::string expected;
    std::vector<std::pair<ReplyQueue::Sequence, std::string>> pending;
    for (int i = 0; i < 200; ++i) {
      bool is_silent = random() % 5 == 0;
      std::string reply(1 + random() % (random() % 10 == 0 ? 5000 : 50), 'a');
      std::generate(reply.begin(), reply.end(), [&] { return char('a' + random() % 26); });
      pending.emplace_back(client.queue.Open(is_silent), reply);
      if (!is_silent) expected += reply;
      while (pending.size() > random() % 30) {
        std::size_t which = random() % pending.size();
        auto [sequence, bytes] = pending[which];
        pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(which));
        if (client.queue.IsDue(sequence) && random() % 3 == 0) {
          std::size_t cut = random() % bytes.size();
          client.queue.DeliverPiece(sequence, bytes.substr(0, cut));
          client.queue.DeliverPiece(sequence, bytes.substr(cut));
          client.queue.Finish(sequence);
        } else {
          client.queue.Deliver(sequence, bytes);
        }
      }
    }
    for (auto& [sequence, bytes] : pending) client.queue.Deliver(sequence, bytes);
    EXPECT_EQ(client.Output(), expected);
    EXPECT_EQ(client.queue.Outstanding(), 0u);
    EXPECT_EQ(client.queue.EarlyBytes(), 0u);
  }
}

TEST_F(ReplyQueueTest, AnEarlyReplyWaits) {
  auto first = queue_.Open(), second = queue_.Open();
  EXPECT_TRUE(queue_.IsDue(first));
  queue_.Deliver(second, "second");
  EXPECT_EQ(client_.Output(), "");
  EXPECT_EQ(queue_.EarlyBytes(), 6u);
  EXPECT_EQ(client_.progress, 0);
  queue_.Deliver(first, "first,");
  EXPECT_EQ(client_.Output(), "first,second");
  EXPECT_EQ(client_.progress, 1);
}

TEST_F(ReplyQueueTest, SilentRepliesAreAwaitedAndDropped) {
  auto first = queue_.Open(true), second = queue_.Open(), third = queue_.Open(true);
  queue_.Deliver(third, "x");
  queue_.Deliver(second, "heard");
  EXPECT_EQ(client_.Output(), "");
  queue_.Deliver(first, "x");
  EXPECT_EQ(client_.Output(), "heard");
  EXPECT_EQ(queue_.Outstanding(), 0u);
}

TEST_F(ReplyQueueTest, ADetachedQueueDropsRepliesAndFreesEarlyOnes) {
  auto first = queue_.Open(), second = queue_.Open(), third = queue_.Open();
  queue_.Deliver(second, std::string(100000, 'x'));
  queue_.Detach();
  EXPECT_EQ(queue_.EarlyBytes(), 0u);
  queue_.Deliver(third, "y");
  EXPECT_EQ(queue_.Outstanding(), 3u);
  queue_.Deliver(first, "z");
  EXPECT_EQ(queue_.Outstanding(), 0u);
  EXPECT_EQ(client_.Output(), "");
  EXPECT_GT(client_.progress, 0);
}

TEST_F(ReplyQueueTest, AReplyThatBreaksOffCutsItsClient) {
  auto first = queue_.Open(), second = queue_.Open();
  queue_.DeliverPiece(first, "$100\r\nabc");
  queue_.BreakOff();
  EXPECT_NE(client_.unusable, "");
  EXPECT_EQ(queue_.Outstanding(), 1u);
  queue_.Deliver(second, "dropped");
  EXPECT_EQ(client_.Output(), "$100\r\nabc");
}

TEST_F(ReplyQueueTest, TooMuchOutputCutsItsClient) {
  FakeClient due(loop_, 100);
  due.queue.Deliver(due.queue.Open(), std::string(101, 'x'));
  EXPECT_NE(due.unusable, "");
  FakeClient early(loop_, 100);
  early.queue.Open();
  early.queue.Deliver(early.queue.Open(), std::string(101, 'x'));
  EXPECT_NE(early.unusable, "");
  FakeClient pieces(loop_, 100);
  pieces.queue.DeliverPiece(pieces.queue.Open(), std::string(101, 'x'));
  EXPECT_NE(pieces.unusable, "");
}

TEST_F(ReplyQueueTest, TheEndOfABatchIsKnown) {
  auto first = queue_.Open(), second = queue_.Open();
  queue_.MarkBatchEnd();
  EXPECT_FALSE(queue_.IsBatchComplete());
  queue_.Deliver(first, "1");
  auto third = queue_.Open();
  queue_.MarkBatchEnd();  // the batch before is not complete: its end stays
  queue_.Deliver(second, "2");
  EXPECT_TRUE(queue_.IsBatchComplete());
  queue_.Deliver(third, "3");
}

TEST_F(ReplyQueueTest, HeldBackRequestsAreCountedAndTheirEndIsTold) {
  queue_.AddHeldBack();
  queue_.AddHeldBack();
  queue_.RemoveHeldBack();
  EXPECT_TRUE(queue_.HasHeldBack());
  EXPECT_EQ(client_.progress, 0);
  queue_.RemoveHeldBack();
  EXPECT_FALSE(queue_.HasHeldBack());
  EXPECT_EQ(client_.progress, 1);
}

TEST_F(ReplyQueueTest, CapturesForARequestWithinARequest) {
  std::string captured;
  ReplyQueue inner(client_, 100);
  inner.Capture(captured);
  inner.NotifyProgress(true);
  auto first = inner.Open();
  auto second = inner.Open();
  inner.Deliver(second, "+2\r\n");
  EXPECT_EQ(captured, "");
  inner.DeliverPiece(first, "$1\r\n");
  inner.DeliverPiece(first, "1\r\n");
  inner.Finish(first);
  EXPECT_EQ(captured, "$1\r\n1\r\n+2\r\n");
  EXPECT_EQ(inner.Outstanding(), 0u);
  EXPECT_EQ(client_.progress, 1);
  EXPECT_EQ(client_.Output(), "");
  auto third = inner.Open();
  inner.DeliverPiece(third, std::string(100, 'x'));
  EXPECT_EQ(client_.unusable, "more output than client_output_max_bytes");
  inner.Detach();
  inner.Deliver(third, "+3\r\n");
  EXPECT_FALSE(captured.ends_with("+3\r\n"));
}

}  // namespace
}  // namespace slotway::proxy
