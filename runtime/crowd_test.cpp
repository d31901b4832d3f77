// SPDX-License-Identifier: Apache-2.0
// Many connections that want something at once: each iteration of the loop takes its share.
#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "runtime/clock.h"
#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "runtime/turn_budget.h"

namespace slotway::runtime {
namespace {

// Every look at it takes a millisecond.
class SteppingClock final : public Clock {
 public:
  std::uint64_t NowMonotonicUs() const override { return us_ += 1000; }
  std::int64_t NowUnixUs() const override { return 0; }

 private:
  mutable std::uint64_t us_ = 0;
};

TEST(TurnBudget, BeginsWithTheFirstQuestionOfEachIteration) {
  ManualClock clock;
  EventLoop loop(clock);
  TurnBudget budget(loop, 1000), other(loop, 1000);
  loop.Post([&] {
    EXPECT_FALSE(budget.IsOver());
    clock.AdvanceUs(999);
    EXPECT_FALSE(budget.IsOver());
    clock.AdvanceUs(1);
    EXPECT_TRUE(budget.IsOver());
    EXPECT_FALSE(other.IsOver()) << "it has not begun";
    loop.DeferToNextTurn([&] {
      EXPECT_FALSE(budget.IsOver());
      loop.Stop();
    });
  });
  loop.Run();
}

TEST(TurnBudget, LooksAtTheClockNowAndThen) {
  ManualClock clock;
  EventLoop loop(clock);
  TurnBudget budget(loop, 1000, 4);
  EXPECT_FALSE(budget.IsOver());
  clock.AdvanceUs(5000);
  std::vector<bool> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(budget.IsOver());
  EXPECT_THAT(answers, testing::ElementsAre(false, false, false, true, true));
}

TEST(EventLoop, WhatEndsInACrowdEndsInSeveralIterations) {
  SteppingClock clock;
  EventLoop loop(clock);
  std::vector<int> ended;
  std::map<std::uint32_t, int> ended_in_turn;
  loop.Post([&] {
    for (int i = 0; i < 100; ++i) {
      loop.DeferEnd([&, i] {
        ended.push_back(i);
        ++ended_in_turn[loop.Turn()];
        if (i == 99) loop.Stop();
      });
    }
  });
  loop.Run();
  EXPECT_EQ(ended.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ended.begin(), ended.end()));
  for (auto [turn, count] : ended_in_turn) EXPECT_LE(count, 24);
}

struct Member final : Connection::Handler {
  std::size_t OnBytes(std::string_view input) override {
    received += input;
    if (on_read) on_read(*this);
    return input.size();
  }
  void OnEndOfInput() override {
    ++ends;
    if (on_end) on_end(*this);
  }
  void OnClosed(std::string_view) override {}
  void OnDrained() override {
    if (on_drained) on_drained(*this);
  }
  void Write(std::string_view bytes) {
    EXPECT_EQ(write(far_end, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  std::function<void(Member&)> on_read, on_end, on_drained;
  std::unique_ptr<Connection> connection;
  std::string received;
  int far_end = -1;
  int ends = 0;
};

class CrowdTest : public testing::Test {
 protected:
  static constexpr std::size_t kCrowd = 100;

  CrowdTest() {
    for (std::size_t i = 0; i < kCrowd; ++i) {
      int ends[2];
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
      auto& member = *crowd_.emplace_back(std::make_unique<Member>());
      member.far_end = ends[1];
      member.connection = *Connection::Adopt(loop_, OwnedFd(ends[0]), FlushStage::kDownstream);
      member.connection->Start(member);
    }
  }
  ~CrowdTest() override {
    for (auto& member : crowd_) {
      member->connection.reset();
      close(member->far_end);
    }
  }

  SteppingClock clock_;
  EventLoop loop_{clock_};
  std::vector<std::unique_ptr<Member>> crowd_;
};

TEST_F(CrowdTest, IsReadInSeveralIterationsEachOnce) {
  std::map<std::uint32_t, int> reads_in_turn;
  std::size_t reads = 0;
  for (auto& member : crowd_) {
    member->on_read = [&](Member&) {
      ++reads_in_turn[loop_.Turn()];
      if (++reads == kCrowd) loop_.Stop();
    };
    member->Write("x");
  }
  loop_.Run();
  for (auto& member : crowd_) EXPECT_EQ(member->received, "x");
  for (auto [turn, count] : reads_in_turn) EXPECT_LE(count, 24);
}

// All are asleep but one; that one wakes up last.
TEST_F(CrowdTest, ThatWakesUpDoesNotKeepTheBusyWaiting) {
  Member& busy = *crowd_.back();
  std::size_t asleep_before = 0, reads = 0;
  busy.on_read = [&](Member&) {
    if (busy.received.size() == 1) {
      for (auto& member : crowd_) member->Write("x");
      return;
    }
    asleep_before = reads;
    if (reads == kCrowd - 1) loop_.Stop();
  };
  for (auto& member : crowd_) {
    if (member.get() == &busy) continue;
    member->on_read = [&](Member&) {
      if (++reads == kCrowd - 1) loop_.Stop();
    };
  }
  busy.Write("x");
  loop_.Run();
  EXPECT_EQ(reads, kCrowd - 1);
  EXPECT_EQ(busy.received, "xx");
  EXPECT_LE(asleep_before, 24u);
}

TEST_F(CrowdTest, MayBeDestroyedWhileItWaits) {
  std::size_t reads = 0;
  for (auto& member : crowd_) {
    member->on_read = [&](Member& first) {
      ++reads;
      for (auto& other : crowd_) {
        if (other.get() != &first) other->connection.reset();
      }
      loop_.DeferToNextTurn([&] { loop_.DeferToNextTurn([&] { loop_.Stop(); }); });
    };
    member->Write("x");
  }
  loop_.Run();
  EXPECT_EQ(reads, 1u);
}

TEST_F(CrowdTest, HangsUpInSeveralIterationsEachOnce) {
  std::map<std::uint32_t, int> ends_in_turn;
  std::size_t ends = 0;
  for (auto& member : crowd_) {
    member->on_end = [&](Member&) {
      ++ends_in_turn[loop_.Turn()];
      if (++ends == kCrowd) {
        loop_.DeferToNextTurn([&] { loop_.DeferToNextTurn([&] { loop_.Stop(); }); });
      }
    };
    member->Write("last words");
    shutdown(member->far_end, SHUT_WR);
  }
  loop_.Run();
  for (auto& member : crowd_) {
    EXPECT_EQ(member->received, "last words");
    EXPECT_EQ(member->ends, 1);
  }
  for (auto [turn, count] : ends_in_turn) EXPECT_LE(count, 24);
}

// In order, but whoever has little to take does not wait for those who have much.
TEST_F(CrowdTest, IsWrittenToInSeveralIterations) {
  const std::string much(2000, 'x');
  std::map<std::uint32_t, int> drained_in_turn;
  std::vector<Member*> drained;
  for (auto& member : crowd_) {
    member->on_drained = [&](Member& one) {
      drained.push_back(&one);
      ++drained_in_turn[loop_.Turn()];
      if (drained.size() == kCrowd) loop_.Stop();
    };
  }
  loop_.Post([&] {
    for (auto& member : crowd_) {
      member->connection->Output().Append(member == crowd_.back() ? "little" : much);
      member->connection->MarkForFlush();
    }
  });
  loop_.Run();
  ASSERT_EQ(drained.size(), kCrowd);
  EXPECT_EQ(drained[0], crowd_.back().get());
  for (std::size_t i = 1; i < kCrowd; ++i) {
    EXPECT_EQ(drained[i], crowd_[i - 1].get());
    std::string text(3000, ' ');
    EXPECT_EQ(read(crowd_[i - 1]->far_end, text.data(), text.size()), 2000);
  }
  for (auto [turn, count] : drained_in_turn) EXPECT_LE(count, 25);
}

// Who asked a moment ago does not wait for a crowd that is told something, though it came first.
TEST_F(CrowdTest, ThatWasSilentIsWrittenToAfterTheOthers) {
  Member& busy = *crowd_.back();
  std::vector<Member*> drained;
  for (auto& member : crowd_) {
    member->on_drained = [&](Member& one) {
      drained.push_back(&one);
      if (drained.size() == kCrowd) loop_.Stop();
    };
  }
  busy.on_read = [&](Member&) {
    if (busy.received.size() == 1) return busy.Write("x");
    for (auto& member : crowd_) {
      member->connection->Output().Append("y");
      member->connection->MarkForFlush();
    }
  };
  busy.Write("x");
  loop_.Run();
  ASSERT_EQ(drained.size(), kCrowd);
  EXPECT_EQ(drained.front(), &busy);
}

}  // namespace
}  // namespace slotway::runtime
