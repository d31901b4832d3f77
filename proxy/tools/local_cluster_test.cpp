// SPDX-License-Identifier: Apache-2.0
// Whole runs with a stand-in for the proxy. Where redis-server is installed it plays the shards:
// the files that are written for them are Redis's own.
#include "proxy/tools/local_cluster.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/tools/free_ports.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

namespace fs = std::filesystem;

constexpr char kRedisServer[] = "/usr/bin/redis-server";

// `slotway local` in a process of its own.
class LocalRun {
 public:
  explicit LocalRun(const LocalClusterOptions& options, const ProxyRunner& run_proxy) {
    EXPECT_EQ(pipe(ends_), 0);
    pid_ = fork();
    if (pid_ != 0) {
      close(ends_[1]);
      return;
    }
    dup2(ends_[1], STDOUT_FILENO);
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[0]);
    close(ends_[1]);
    _exit(RunLocalCluster(options, run_proxy));
  }
  ~LocalRun() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
    close(ends_[0]);
  }

  // Reads until the output has `text`, or ends.
  bool ReadUntil(std::string_view text) {
    char buffer[4096];
    while (output_.find(text) == std::string::npos) {
      ssize_t size = read(ends_[0], buffer, sizeof buffer);
      if (size <= 0) return false;
      output_.append(buffer, static_cast<std::size_t>(size));
    }
    return true;
  }
  void Signal(int signal) { kill(pid_, signal); }
  // The exit code, or minus the signal.
  int Wait() {
    if (pid_ <= 0) return 0;
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  const std::string& Output() const { return output_; }

 private:
  int ends_[2];
  pid_t pid_;
  std::string output_;
};

ProxyRunner GoodProxy() {
  return [](const config::ProxyConfig& config) -> runtime::Result<StopProxy> {
    std::printf("[proxy with %zu seeds, password %s] ", config.backend.seeds.size(),
                config.auth.password.c_str());
    return StopProxy([] { std::printf("[proxy stopped] "); });
  };
}

class LocalClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    // Orphans come to this process, which then can tell when they are gone.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::string name = (fs::temp_directory_path() / "local_cluster_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    setenv("TMPDIR", folder_.c_str(), 1);
    options_.shards = 2;
    options_.port = FindFreePort("127.0.0.1").value();
    options_.admin_port = 0;
    options_.password = "geheim";
  }
  void TearDown() override {
    unsetenv("TMPDIR");
    fs::remove_all(folder_);
  }
  std::size_t FilesLeft() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  static int WaitForOrphans() {
    int count = 0;
    while (waitpid(-1, nullptr, 0) > 0) ++count;
    return count;
  }

  fs::path folder_;
  LocalClusterOptions options_;
};

TEST_F(LocalClusterTest, RefusesBeforeAnythingIsStarted) {
  options_.shard_program = "/bin/false";
  LocalClusterOptions no_program = options_;
  no_program.shard_program = "/no/such/program";
  LocalRun without(no_program, GoodProxy());
  EXPECT_TRUE(without.ReadUntil("there is no program /no/such/program"));
  EXPECT_EQ(without.Wait(), 1);

  LocalClusterOptions taken = options_;
  taken.bind = "192.0.2.1";
  LocalRun elsewhere(taken, GoodProxy());
  EXPECT_TRUE(elsewhere.ReadUntil("cannot listen on 192.0.2.1"));
  EXPECT_EQ(elsewhere.Wait(), 1);
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(LocalClusterTest, AShardThatEndsIsShownWithItsLastWords) {
  fs::path program = folder_ / "shard";
  FILE* script = std::fopen(program.c_str(), "w");
  std::fputs("#!/bin/sh\necho last words; exit 3\n", script);
  std::fclose(script);
  fs::permissions(program, fs::perms::owner_all);
  options_.shard_program = program;
  LocalRun run(options_, GoodProxy());
  run.ReadUntil("\xff");
  EXPECT_EQ(run.Wait(), 1);
  EXPECT_NE(run.Output().find("ended with exit code 3\n    last words\n"), std::string::npos)
      << run.Output();
  EXPECT_EQ(FilesLeft(), 1u);
}

TEST_F(LocalClusterTest, ServesAndStopsWithNothingLeft) {
  if (access(kRedisServer, X_OK) != 0) GTEST_SKIP() << "needs " << kRedisServer;
  options_.shard_program = kRedisServer;
  for (int signal : {SIGINT, SIGHUP}) {
    LocalRun run(options_, GoodProxy());
    ASSERT_TRUE(run.ReadUntil("Ctrl-C stops everything")) << run.Output();
    EXPECT_NE(run.Output().find("[proxy with 4 seeds, password geheim]"), std::string::npos);
    EXPECT_NE(run.Output().find("0-8191"), std::string::npos);
    EXPECT_EQ(FilesLeft(), 1u);
    run.Signal(signal);
    EXPECT_TRUE(run.ReadUntil("stopped\n")) << run.Output();
    EXPECT_EQ(run.Wait(), 0);
    EXPECT_NE(run.Output().find("[proxy stopped]"), std::string::npos);
    EXPECT_EQ(WaitForOrphans(), 0);
    EXPECT_EQ(FilesLeft(), 0u);
  }
}

TEST_F(LocalClusterTest, KilledItTakesItsShardsAlong) {
  if (access(kRedisServer, X_OK) != 0) GTEST_SKIP() << "needs " << kRedisServer;
  options_.shard_program = kRedisServer;
  LocalRun run(options_, GoodProxy());
  ASSERT_TRUE(run.ReadUntil("Ctrl-C stops everything")) << run.Output();
  run.Signal(SIGKILL);
  EXPECT_EQ(run.Wait(), -SIGKILL);
  EXPECT_EQ(WaitForOrphans(), 4 + 1);  // and the janitor
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(LocalClusterTest, ANamedFolderIsTakenUpAgain) {
  if (access(kRedisServer, X_OK) != 0) GTEST_SKIP() << "needs " << kRedisServer;
  options_.shard_program = kRedisServer;
  options_.replicas = 0;
  options_.dir = folder_ / "kept";
  options_.password.clear();
  std::set<std::string> addresses;
  std::set<std::string> passwords;
  for (int round = 0; round < 2; ++round) {
    LocalRun run(options_, GoodProxy());
    ASSERT_TRUE(run.ReadUntil("Ctrl-C stops everything")) << run.Output();
    std::string output = run.Output();
    addresses.insert(output.substr(output.find("master   127.0.0.1:"), 24));
    passwords.insert(output.substr(output.find("password "), 33));
    run.Signal(SIGTERM);
    run.ReadUntil("stopped\n");
    EXPECT_EQ(run.Wait(), 0);
  }
  EXPECT_EQ(addresses.size(), 1u);
  EXPECT_EQ(passwords.size(), 1u);

  options_.shards = 3;
  LocalRun other(options_, GoodProxy());
  EXPECT_TRUE(other.ReadUntil("holds a cluster of 2 masters and 0 replicas"));
  EXPECT_EQ(other.Wait(), 1);
}

TEST_F(LocalClusterTest, AProxyThatCannotStartStopsTheShards) {
  if (access(kRedisServer, X_OK) != 0) GTEST_SKIP() << "needs " << kRedisServer;
  options_.shard_program = kRedisServer;
  LocalRun run(options_, [](const config::ProxyConfig&) -> runtime::Result<StopProxy> {
    return runtime::Fail("no luck");
  });
  EXPECT_TRUE(run.ReadUntil("the proxy cannot be started: no luck"));
  EXPECT_EQ(run.Wait(), 1);
  EXPECT_EQ(WaitForOrphans(), 0);
  EXPECT_EQ(FilesLeft(), 0u);
}

}  // namespace
}  // namespace slotway::proxy
