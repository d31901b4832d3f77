// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.h"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slotway::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ChildProcessTest : public testing::Test {
 protected:
  // Runs `script` until it ended.
  void Run(const std::string& script, ChildProcess::Options options = {}) {
    Begin(script, std::move(options));
    loop_.Run();
  }

  void Begin(const std::string& script, ChildProcess::Options options = {}) {
    options.arguments = {"sh", "-c", script};
    auto started = ChildProcess::Start(
        loop_, options,
        [this](ChildStream stream, std::string_view line) {
          (stream == ChildStream::kOutput ? output_ : error_).emplace_back(line);
          if (on_line_) on_line_();
        },
        [this](ChildExit exit) {
          exit_ = exit;
          loop_.Stop();
        });
    ASSERT_TRUE(started) << started.error().text;
    child_ = *std::move(started);
  }

  EventLoop loop_;
  std::vector<std::string> output_, error_;
  std::function<void()> on_line_;
  std::optional<ChildExit> exit_;
  std::unique_ptr<ChildProcess> child_;
};

TEST_F(ChildProcessTest, LinesAndExitCode) {
  Run("echo one; echo two >&2; printf 'three\\n\\nrest'; exit 3");
  EXPECT_THAT(output_, ElementsAre("one", "three", "", "rest"));
  EXPECT_THAT(error_, ElementsAre("two"));
  ASSERT_TRUE(exit_);
  EXPECT_EQ(exit_->code, 3);
  EXPECT_EQ(exit_->signal, 0);
  EXPECT_FALSE(child_->IsRunning());
}

TEST_F(ChildProcessTest, LongLinesComeInPieces) {
  Run("head -c 200000 /dev/zero | tr '\\0' x; echo");
  ASSERT_EQ(output_.size(), 4u);
  EXPECT_EQ(output_[0].size(), 65536u);
  EXPECT_EQ(output_[3].size(), 200000u - 3 * 65536u);
}

TEST_F(ChildProcessTest, EnvironmentDirectoryAndInput) {
  ChildProcess::Options options;
  options.environment = {"SLOTWAY_TEST=hello"};
  options.directory = "/";
  Run("echo $SLOTWAY_TEST; pwd; wc -c; echo ${PATH:+inherited}", options);
  EXPECT_THAT(output_, ElementsAre("hello", "/", "0", "inherited"));
}

TEST_F(ChildProcessTest, AProgramThatIsNotThere) {
  ChildProcess::Options options;
  options.arguments = {"/nonexistent/program"};
  auto started = ChildProcess::Start(loop_, options, nullptr, nullptr);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, "/nonexistent/program: No such file or directory");
  options.arguments = {"true"};
  options.directory = "/nonexistent";
  EXPECT_FALSE(ChildProcess::Start(loop_, options, nullptr, nullptr));
  options.arguments = {};
  EXPECT_FALSE(ChildProcess::Start(loop_, options, nullptr, nullptr));
}

TEST_F(ChildProcessTest, StopsOnTerm) {
  on_line_ = [this] { child_->Stop(60'000); };
  Begin("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done");
  loop_.Run();
  EXPECT_EQ(exit_->code, 5);
  EXPECT_EQ(output_.front(), "ready");
}

TEST_F(ChildProcessTest, IsKilledAfterTheGraceTime) {
  on_line_ = [this] { child_->Stop(20); };
  Begin("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  loop_.Run();
  EXPECT_EQ(exit_->signal, SIGKILL);
}

TEST_F(ChildProcessTest, AGrandchildThatKeepsThePipesDoesNotHideTheEnd) {
  Run("echo first; sleep 60 & exit 4");
  EXPECT_EQ(exit_->code, 4);
  EXPECT_THAT(output_, ElementsAre("first"));
  kill(-child_->Pid(), SIGKILL);  // its group: the sleeping one
}

TEST_F(ChildProcessTest, DestroyedWhileRunning) {
  Begin("echo ready; exec sleep 60");
  pid_t pid = child_->Pid();
  on_line_ = [this] {
    loop_.Defer([this] {
      child_.reset();
      loop_.Stop();
    });
  };
  loop_.Run();
  EXPECT_FALSE(exit_);
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(ChildProcessTest, MayBeDestroyedByItsOwnCallbacks) {
  on_line_ = [this] {
    child_.reset();
    loop_.Stop();
  };
  Begin("echo a; echo b; exec sleep 60");
  loop_.Run();
  EXPECT_THAT(output_, ElementsAre("a"));
  on_line_ = nullptr;
  ChildProcess::Options options;
  options.arguments = {"true"};
  auto started = ChildProcess::Start(loop_, options, nullptr, [this](ChildExit) {
    child_.reset();
    loop_.Stop();
  });
  child_ = *std::move(started);
  loop_.Run();
  EXPECT_EQ(child_, nullptr);
}

TEST_F(ChildProcessTest, SeveralAtOnce) {
  std::vector<std::unique_ptr<ChildProcess>> children;
  int ended = 0;
  for (int i = 0; i < 20; ++i) {
    ChildProcess::Options options;
    options.arguments = {"sh", "-c", "exit " + std::to_string(i)};
    auto started = ChildProcess::Start(loop_, options, nullptr, [&, i](ChildExit exit) {
      EXPECT_EQ(exit.code, i);
      if (++ended == 20) loop_.Stop();
    });
    ASSERT_TRUE(started);
    children.push_back(*std::move(started));
  }
  loop_.Run();
  EXPECT_EQ(ended, 20);
}

// A parent that is killed takes its child along. This process becomes the reaper of both, so that
// it can wait for the end of its grandchild.
TEST(ChildProcess, DiesWithItsParent) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t parent = fork();
  if (parent == 0) {
    EventLoop loop;
    ChildProcess::Options options;
    options.arguments = {"sleep", "600"};
    auto child = ChildProcess::Start(loop, options, nullptr, nullptr);
    pid_t pid = child ? (*child)->Pid() : -1;
    [[maybe_unused]] ssize_t written = write(ends[1], &pid, sizeof pid);
    loop.Run();
    _exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_GT(child, 0);
  kill(parent, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  close(ends[0]);
  close(ends[1]);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace slotway::runtime
