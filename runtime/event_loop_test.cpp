// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/connection.h"
#include "runtime/listener.h"

namespace slotway::runtime {
namespace {

using testing::ElementsAre;

TEST(EventLoop, PostedTasksKeepTheirOrder) {
  EventLoop loop;
  std::vector<int> order;
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i) loop.Post([&order, i] { order.push_back(i); });
    loop.Post([&loop] { loop.Stop(); });
  });
  loop.Run();
  poster.join();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

// A thousand clients that were let in at once must not keep the others waiting.
TEST(EventLoop, ManyPostedTasksLetOthersHaveTheirTurn) {
  EventLoop loop;
  Timer timer(loop);
  std::vector<std::string> order;
  auto work = [&] {
    for (std::uint64_t begin_us = MonotonicUs(); MonotonicUs() - begin_us < 5000;) {
    }
    order.push_back("task");
  };
  loop.Post([&] {
    timer.Start(1, 0, [&] { order.push_back("timer"); });  // is due once `work` has run
    work();
  });
  for (int i = 0; i < 2; ++i) loop.Post(work);
  loop.Stop();
  loop.Run();
  EXPECT_THAT(order, ElementsAre("task", "timer", "task", "task"));
}

TEST(EventLoop, WhatIsLeftForTheNextTurnRunsAfterAFlushAndAPoll) {
  EventLoop loop;
  std::vector<std::string> order;
  std::uint32_t first_turn = 0;
  loop.Post([&] {
    first_turn = loop.Turn();
    loop.DeferToNextTurn([&] {
      order.push_back("next turn");
      EXPECT_NE(loop.Turn(), first_turn);
      loop.Stop();
    });
    loop.Defer([&] { order.push_back("deferred"); });
  });
  loop.Run();
  EXPECT_THAT(order, ElementsAre("deferred", "next turn"));
}

TEST(EventLoop, DeferredTasksRunAfterTheirCallbackAndMayDeferMore) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.Post([&] {
    loop.Defer([&] {
      order.push_back("deferred");
      loop.Defer([&] {
        order.push_back("deferred again");
        loop.Stop();
      });
    });
    order.push_back("callback");
  });
  loop.Run();
  EXPECT_THAT(order, ElementsAre("callback", "deferred", "deferred again"));
}

TEST(Timer, OnceRepeatedAndStopped) {
  EventLoop loop;
  int once = 0, repeated = 0, never = 0;
  Timer first(loop), second(loop), third(loop);
  first.Start(1, 0, [&] { ++once; });
  third.Start(1, 0, [&] { ++never; });
  third.Stop();
  second.Start(1, 1, [&] {
    if (++repeated == 5) loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(once, 1);
  EXPECT_EQ(repeated, 5);
  EXPECT_EQ(never, 0);
  EXPECT_TRUE(second.IsActive());
  EXPECT_FALSE(first.IsActive());
}

TEST(Timer, MayBeDestroyedByItsTask) {
  EventLoop loop;
  auto timer = std::make_unique<Timer>(loop);
  timer->Start(1, 0, [&] {
    timer.reset();
    loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(timer, nullptr);
}

// Output that a timer produces is flushed before the poll; what OnDrained defers then must run
// although no event follows.
TEST(EventLoop, WorkDeferredByAFlushDoesNotWaitForAnEvent) {
  struct Drainer final : Connection::Handler {
    std::size_t OnBytes(std::string_view input) override { return input.size(); }
    void OnEndOfInput() override {}
    void OnClosed(std::string_view) override {}
    void OnDrained() override {
      connection->Loop().Defer([this] { connection->Loop().Stop(); });
    }
    std::unique_ptr<Connection> connection;
  } drainer;

  EventLoop loop;
  Timer timer(loop);
  auto listener = Listener::Listen(loop, *SocketAddress::FromNumeric("127.0.0.1", 0), {},
                                   [&](std::unique_ptr<Connection> accepted) {
                                     drainer.connection = std::move(accepted);
                                     drainer.connection->Start(drainer);
                                     timer.Start(1, 0, [&] {
                                       drainer.connection->Output().Append("bytes");
                                       drainer.connection->MarkForFlush();
                                     });
                                   });
  ASSERT_TRUE(listener);
  SocketAddress address = (*listener)->Address();
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, address.Native(), address.NativeSize()), 0);
  loop.Run();
  char buffer[16];
  EXPECT_EQ(recv(client, buffer, sizeof buffer, 0), 5);
  close(client);
  drainer.connection.reset();
  listener->reset();
}

// A flush in the last iteration may find a connection broken, whose owner defers its end.
TEST(EventLoop, WhatTheLastIterationDeferredHasRunWhenRunReturns) {
  EventLoop loop;
  Timer timer(loop);
  bool has_run = false;
  timer.Start(0, 0, [&] {
    loop.Stop();
    loop.Defer([&] { loop.Defer([&] { has_run = true; }); });
  });
  loop.Run();
  EXPECT_TRUE(has_run);
}

}  // namespace
}  // namespace slotway::runtime
