// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/supervised_shard.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "proxy/tools/free_ports.h"
#include "proxy/tools/local_folder.h"

namespace slotway::proxy {
namespace {

TEST(RestartBackoffTest, DoublesUpToItsBound) {
  RestartBackoff backoff;
  std::vector<std::uint64_t> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(backoff.Next(0));
  EXPECT_EQ(waits, (std::vector<std::uint64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  EXPECT_EQ(backoff.Next(RestartBackoff::kSteadyMs), 100u);
  EXPECT_EQ(backoff.Next(RestartBackoff::kSteadyMs - 1), 200u);
}

// A shard whose program is a shell script.
class SupervisedShardTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = LocalFolder::Open({});
    ASSERT_TRUE(opened);
    folder_ = std::move(*opened);
    port_ = FindFreePort("127.0.0.1").value();
  }

  void MakeShard(const std::string& script, SupervisedShard::Events events) {
    ASSERT_TRUE(folder_->WriteNodeFile(0, "program", "#!/bin/sh\n" + script));
    std::filesystem::path program = folder_->NodeFolder(0) / "program";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    shard_ = std::make_unique<SupervisedShard>(
        loop_, SupervisedShard::Spec{program, folder_->NodeFolder(0), port_, "x"},
        std::move(events));
  }

  std::unique_ptr<LocalFolder> folder_;
  std::uint16_t port_ = 0;
  runtime::EventLoop loop_;
  std::unique_ptr<SupervisedShard> shard_;
};

TEST_F(SupervisedShardTest, TellsWhyItDiedAndTriesAgain) {
  std::vector<std::string> deaths;
  std::vector<std::uint64_t> waits;
  MakeShard("echo started with $1; exit 3\n",
            {[] {},
             [&](const std::string& why, std::uint64_t restart_ms) {
               deaths.push_back(why);
               waits.push_back(restart_ms);
               if (deaths.size() == 2) shard_->Stop(0, [&] { loop_.Stop(); });
             }});
  ASSERT_TRUE(shard_->Start());
  loop_.Run();
  EXPECT_EQ(deaths, (std::vector<std::string>(2, "ended with exit code 3")));
  EXPECT_EQ(waits, (std::vector<std::uint64_t>{100, 200}));
  ASSERT_EQ(shard_->LastLines().size(), 2u);
  EXPECT_EQ(shard_->LastLines()[0],
            "started with " + (folder_->NodeFolder(0) / "shard.conf").string());
  shard_.reset();
}

TEST_F(SupervisedShardTest, KillsWhatDoesNotStopInTime) {
  MakeShard("trap '' TERM; echo deaf; while :; do sleep 0.05; done\n", {[] {}, {}});
  ASSERT_TRUE(shard_->Start());
  // It is deaf once it has said so.
  runtime::Timer look(loop_);
  bool is_stopped = false;
  look.Start(1, 1, [&] {
    if (shard_->LastLines().empty()) return;
    look.Stop();
    shard_->Stop(50, [&] {
      is_stopped = true;
      loop_.Stop();
    });
  });
  loop_.Run();
  EXPECT_TRUE(is_stopped);
  EXPECT_EQ(shard_->Pid(), 0);
  EXPECT_FALSE(shard_->IsReady());
  EXPECT_FALSE(shard_->LastProblem().empty());
  shard_.reset();
}

TEST_F(SupervisedShardTest, StopsAtOnceWhenNothingRuns) {
  MakeShard("exit 0\n", {[] {}, {}});
  bool is_stopped = false;
  shard_->Stop(1000, [&] { is_stopped = true; });
  EXPECT_TRUE(is_stopped);
  shard_.reset();
}

}  // namespace
}  // namespace slotway::proxy
