// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/hold_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <list>
#include <map>
#include <random>
#include <set>

#include "proxy/reply/reply_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HoldQueueTest : public testing::Test {
 protected:
  HoldQueue::Held Make(FakeClient& client, int slot, std::string bytes, std::uint64_t due_ms,
                       std::uint32_t since_ms = 1) {
    HoldQueue::Held held;
    held.request.queue = &client.queue;
    held.request.place = client.queue.Open();
    held.request.slot = static_cast<protocol::Slot>(slot);
    held.request.held_since_ms = since_ms;
    held.bytes = std::move(bytes);
    held.due_ms = due_ms;
    return held;
  }
  static std::vector<std::string> BytesOf(const std::vector<HoldQueue::Held>& all) {
    std::vector<std::string> bytes;
    for (const auto& held : all) bytes.push_back(held.bytes);
    return bytes;
  }

  // One of the line was on its way, and has run.
  void Run(FakeClient& client, int slot) {
    queue_.Await(client.queue, static_cast<protocol::Slot>(slot));
    queue_.NoteFate(client.queue, static_cast<protocol::Slot>(slot), true);
  }

  runtime::EventLoop loop_;
  FakeClient a_{loop_}, b_{loop_};
  HoldQueue queue_{{.time_max_ms = 100, .requests_max = 5, .bytes_max = 10}};
};

TEST_F(HoldQueueTest, BoundsInNumberAndBytes) {
  EXPECT_FALSE(queue_.IsCrowded());
  queue_.Add(Make(a_, 1, "12345678", 0));
  EXPECT_TRUE(queue_.IsCrowded());
  EXPECT_TRUE(queue_.HasRoom(2));
  EXPECT_FALSE(queue_.HasRoom(3));
  for (int i = 0; i < 4; ++i) queue_.Add(Make(a_, 1, "", 0));
  EXPECT_FALSE(queue_.HasRoom(0));
  EXPECT_EQ(queue_.TakeAll().size(), 5u);
  EXPECT_EQ(queue_.Bytes(), 0u);
  EXPECT_TRUE(queue_.HasRoom(10));
}

TEST_F(HoldQueueTest, OneRequestOfAnySizeFitsIfNothingElseIsHeld) {
  EXPECT_TRUE(queue_.HasRoom(11));
  queue_.Add(Make(a_, 1, "12345678901", 0));
  EXPECT_FALSE(queue_.HasRoom(0));
}

TEST_F(HoldQueueTest, WhatIsNotDueKeepsBackItsClientsLaterRequestsToTheSlot) {
  queue_.Add(Make(a_, 1, "a1", 20));
  queue_.Add(Make(a_, 1, "a2", 10));
  queue_.Add(Make(a_, 2, "a3", 10));
  queue_.Add(Make(b_, 1, "b1", 10));
  EXPECT_THAT(BytesOf(queue_.TakeDue(9)), IsEmpty());
  EXPECT_THAT(BytesOf(queue_.TakeDue(10)), ElementsAre("a3", "b1"));
  EXPECT_TRUE(queue_.HoldsFor(a_.queue, protocol::Slot{1}));
  EXPECT_FALSE(queue_.HoldsFor(a_.queue, protocol::Slot{2}));
  EXPECT_FALSE(queue_.HoldsFor(b_.queue, protocol::Slot{1}));
  EXPECT_THAT(BytesOf(queue_.TakeDue(20)), ElementsAre("a1"));
  EXPECT_THAT(BytesOf(queue_.TakeDue(20)), ElementsAre("a2"));
  EXPECT_FALSE(queue_.HoldsFor(a_.queue, protocol::Slot{1}));
}

TEST_F(HoldQueueTest, WhatIsPutBackStaysInFront) {
  queue_.Add(Make(a_, 1, "a1", 10));
  queue_.Add(Make(a_, 1, "a2", 11));
  auto due = queue_.TakeDue(10);
  ASSERT_THAT(BytesOf(due), ElementsAre("a1"));
  due[0].due_ms = HoldQueue::kUntilMadeDue;
  queue_.PutBack(std::move(due));
  EXPECT_THAT(BytesOf(queue_.TakeDue(1000)), IsEmpty());
  queue_.MakeAllDue();
  Run(a_, 1);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1000)), ElementsAre("a1", "a2"));
}

TEST_F(HoldQueueTest, TheFirstOfALineGoesAloneUntilItHasRun) {
  constexpr protocol::Slot kSlot{1};
  for (const char* bytes : {"a1", "a2", "a3"}) queue_.Add(Make(a_, 1, bytes, 10));
  EXPECT_THAT(BytesOf(queue_.TakeDue(10)), ElementsAre("a1"));
  queue_.Await(a_.queue, kSlot);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1000)), IsEmpty());
  queue_.NoteFate(a_.queue, kSlot, false);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1000)), ElementsAre("a2"));
  queue_.Await(a_.queue, kSlot);
  queue_.Add(Make(a_, 1, "a4", HoldQueue::kUntilMadeDue));
  queue_.NoteFate(a_.queue, kSlot, true);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1000)), ElementsAre("a3", "a4"));
}

TEST_F(HoldQueueTest, AllThatAreOnTheirWayAreWaitedFor) {
  constexpr protocol::Slot kSlot{1};
  queue_.Await(a_.queue, kSlot);
  queue_.Await(a_.queue, kSlot);
  queue_.Add(Make(a_, 1, "a1", 0));
  queue_.Add(Make(a_, 2, "a2", 0));
  EXPECT_EQ(queue_.OnTheirWay(a_.queue, kSlot), 2u);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1)), ElementsAre("a2"));
  queue_.NoteFate(a_.queue, kSlot, true);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1)), IsEmpty());
  queue_.NoteFate(a_.queue, kSlot, false);
  EXPECT_EQ(queue_.OnTheirWay(a_.queue, kSlot), 0u);
  EXPECT_THAT(BytesOf(queue_.TakeDue(1)), ElementsAre("a1"));
}

TEST_F(HoldQueueTest, TakesThoseThatWereOvertaken) {
  constexpr protocol::Slot kSlot{1};
  queue_.Add(Make(a_, 1, "a1", 0));
  queue_.Add(Make(a_, 2, "a2", 0));
  queue_.Add(Make(b_, 1, "b1", 0));
  auto overtaker = Make(a_, 1, "a3", 0);
  queue_.Add(Make(a_, 1, "a4", 0));
  auto sequence = overtaker.request.Sequence();
  EXPECT_TRUE(queue_.HoldsBefore(a_.queue, kSlot, sequence));
  EXPECT_THAT(BytesOf(queue_.TakeBefore(a_.queue, kSlot, sequence)), ElementsAre("a1"));
  EXPECT_FALSE(queue_.HoldsBefore(a_.queue, kSlot, sequence));
  EXPECT_TRUE(queue_.HoldsFor(a_.queue, kSlot));
}

TEST_F(HoldQueueTest, OneThatComesLateIsPutInItsPlace) {
  auto first = Make(a_, 1, "a1", 0), second = Make(a_, 1, "a2", 0), third = Make(a_, 1, "a3", 0);
  queue_.Add(third);
  queue_.Add(Make(b_, 1, "b1", 0));
  queue_.Add(first);
  queue_.Add(second);
  Run(a_, 1);
  EXPECT_THAT(BytesOf(queue_.TakeDue(0)), ElementsAre("a1", "a2", "a3", "b1"));
}

TEST_F(HoldQueueTest, Expiry) {
  queue_.Add(Make(a_, 1, "old", HoldQueue::kUntilMadeDue, 1000));
  queue_.Add(Make(a_, 1, "new", HoldQueue::kUntilMadeDue, 1050));
  EXPECT_THAT(queue_.TakeExpired(1099), IsEmpty());
  EXPECT_THAT(BytesOf(queue_.TakeExpired(1100)), ElementsAre("old"));
  EXPECT_TRUE(queue_.HoldsFor(a_.queue, protocol::Slot{1}));
  EXPECT_THAT(BytesOf(queue_.TakeExpired(1150)), ElementsAre("new"));
  EXPECT_TRUE(queue_.Empty());
}

// The time of holding is kept in 32 bits.
TEST_F(HoldQueueTest, ExpiryWhereTheClockWraps) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
  queue_.Add(Make(a_, 1, "x", 0, static_cast<std::uint32_t>(kWrap - 10)));
  EXPECT_THAT(queue_.TakeExpired(kWrap + 89), IsEmpty());
  EXPECT_THAT(BytesOf(queue_.TakeExpired(kWrap + 90)), ElementsAre("x"));
}

TEST_F(HoldQueueTest, AHoldThatBeganAMomentAheadIsNotExpired) {
  queue_.Add(Make(a_, 1, "x", 0, 1001));
  EXPECT_THAT(queue_.TakeExpired(1000), IsEmpty());
}

// Random operations and a shard that refuses now and then: what runs runs in order.
TEST_F(HoldQueueTest, OrderPerClientAndSlot) {
  using Held = HoldQueue::Held;
  using Whose = std::pair<const ReplyQueue*, protocol::Slot>;
  auto whose_is = [](const Held& held) -> Whose { return {held.request.queue, held.request.slot}; };
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    FakeClient first(loop_), second(loop_);
    HoldQueue queue({.time_max_ms = 1000, .requests_max = 1000, .bytes_max = 1 << 20});
    std::map<Whose, std::uint32_t> last;
    std::map<Whose, std::list<Held>> on_their_way;
    std::uint64_t now_ms = 1;
    std::size_t count = 0;
    for (int step = 0; step < 1000; ++step) {
      now_ms += random() % 3;
      FakeClient& client = random() % 2 == 0 ? first : second;
      int slot = static_cast<int>(random() % 3);
      std::list<Held>& sent = on_their_way[{&client.queue, static_cast<protocol::Slot>(slot)}];
      if (random() % 3 == 0) {
        queue.Add(Make(client, slot, "x", now_ms + random() % 20));
      } else if (!sent.empty() && random() % 2 == 0) {
        Held held = std::move(sent.front());
        sent.pop_front();
        Whose whose = whose_is(held);
        bool has_run = random() % 2 == 0;
        if (has_run) queue.TakeBefore(*whose.first, whose.second, held.request.place);
        queue.NoteFate(*whose.first, whose.second, has_run);
        if (has_run) {
          auto [i, is_new] = last.emplace(whose, held.request.place);
          ASSERT_TRUE(is_new || held.request.place > i->second);
          i->second = held.request.place;
          ++count;
        } else {
          held.due_ms = now_ms + random() % 20;
          queue.Add(std::move(held));
        }
      } else {
        if (random() % 20 == 0) queue.MakeAllDue();
        std::vector<Held> back;
        std::set<Whose> blocked;
        for (Held& held : queue.TakeDue(now_ms)) {
          Whose whose = whose_is(held);
          if (blocked.contains(whose) || random() % 4 == 0) {
            blocked.insert(whose);
            back.push_back(std::move(held));
            continue;
          }
          queue.Await(*whose.first, whose.second);
          on_their_way[whose].push_back(std::move(held));
        }
        queue.PutBack(std::move(back));
      }
    }
    EXPECT_GT(count, 50u);
  }
}

}  // namespace
}  // namespace slotway::proxy
