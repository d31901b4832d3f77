// SPDX-License-Identifier: Apache-2.0
#include "runtime/worker_group.h"

#include <csignal>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

#include "runtime/secret.h"
#include "runtime/signals.h"

namespace slotway::runtime {
namespace {

TEST(WorkerGroup, EachWorkerHasAThreadOfItsOwn) {
  constexpr std::size_t kWorkers = 4;
  std::vector<std::thread::id> started(kWorkers), ran(kWorkers), stopped(kWorkers);
  {
    WorkerGroup group(kWorkers);
    ASSERT_EQ(group.Size(), kWorkers);
    group.Start([&](std::size_t i) { started[i] = std::this_thread::get_id(); },
                [&](std::size_t i) { stopped[i] = std::this_thread::get_id(); });
    for (std::size_t i = 0; i < kWorkers; ++i) {
      group.RunOn(i, [&] { ran[i] = std::this_thread::get_id(); });
    }
  }
  EXPECT_EQ(started, ran);
  EXPECT_EQ(started, stopped);
  EXPECT_EQ(std::set<std::thread::id>(started.begin(), started.end()).size(), kWorkers);
}

TEST(WorkerGroup, StopsTwiceAndWithoutStart) {
  WorkerGroup never(2);
  never.StopAndJoin();
  WorkerGroup group(1);
  group.Start([](std::size_t) {}, [](std::size_t) {});
  group.StopAndJoin();
  group.StopAndJoin();
  EXPECT_EQ(group.Size(), 1u);
}

TEST(Signals, BecomeEvents) {
  EventLoop loop;
  std::vector<int> seen;
  SignalWatcher watcher(loop, {SIGUSR1, SIGHUP}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 1) raise(SIGHUP);
    if (seen.size() == 2) loop.Stop();
  });
  loop.Post([] { raise(SIGUSR1); });
  loop.Run();
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGHUP}));
}

TEST(Signals, ABrokenPipeIsAnErrorCode) {
  IgnoreBrokenPipes();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

TEST(Secret, EqualOnlyWhenTheSame) {
  EXPECT_TRUE(SecretsEqual("", ""));
  EXPECT_TRUE(SecretsEqual("secret", "secret"));
  for (std::string wrong : {"", "secre", "secrets", "Secret", "secreT"}) {
    EXPECT_FALSE(SecretsEqual("secret", wrong)) << wrong;
  }
}

}  // namespace
}  // namespace slotway::runtime
