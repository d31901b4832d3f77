// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_folder.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slotway::proxy {
namespace {

namespace fs = std::filesystem;

int ModeOf(const fs::path& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 ? static_cast<int>(facts.st_mode & 0777) : -1;
}

TEST(LocalFolderTest, ATemporaryFolderIsPrivateAndGoes) {
  fs::path path;
  {
    auto folder = LocalFolder::Open({});
    ASSERT_TRUE(folder) << folder.error().text;
    path = (*folder)->Path();
    EXPECT_TRUE((*folder)->IsTemporary());
    EXPECT_EQ(ModeOf(path), 0700);
    ASSERT_TRUE((*folder)->WriteNodeFile(0, "shard.conf", "secret"));
    EXPECT_EQ(ModeOf(path / "node-1"), 0700);
    EXPECT_EQ(ModeOf(path / "node-1" / "shard.conf"), 0600);
    EXPECT_TRUE((*folder)->ReadNodesConfs().empty());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(LocalFolderTest, ATemporaryFolderGoesWhenTheProcessIsKilled) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t pid = fork();
  if (pid == 0) {
    auto folder = LocalFolder::Open({});
    std::string path = (*folder)->Path().string();
    [[maybe_unused]] ssize_t written = write(ends[1], path.data(), path.size());
    pause();
  }
  char buffer[256];
  ssize_t size = read(ends[0], buffer, sizeof buffer);
  ASSERT_GT(size, 0);
  fs::path path(std::string(buffer, static_cast<std::size_t>(size)));
  EXPECT_TRUE(fs::exists(path));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  // The janitor is an orphan now, and so this process's child.
  EXPECT_GT(waitpid(-1, nullptr, 0), 0);
  EXPECT_FALSE(fs::exists(path));
  close(ends[0]);
  close(ends[1]);
}

TEST(LocalFolderTest, ANamedFolderStaysAndIsLocked) {
  std::string parent = (fs::temp_directory_path() / "local_folder_XXXXXX").string();
  ASSERT_NE(mkdtemp(parent.data()), nullptr);
  fs::path path = fs::path(parent) / "a" / "b";
  {
    auto folder = LocalFolder::Open(path);
    ASSERT_TRUE(folder) << folder.error().text;
    EXPECT_FALSE((*folder)->IsTemporary());
    EXPECT_EQ(ModeOf(path), 0700);
    ASSERT_TRUE((*folder)->WriteNodeFile(0, "nodes.conf", "one"));
    ASSERT_TRUE((*folder)->WriteNodeFile(1, "nodes.conf", "two"));
    ASSERT_TRUE((*folder)->WriteNodeFile(1, "nodes.conf", "other"));
    ASSERT_TRUE((*folder)->WritePassword("geheim"));
    EXPECT_EQ(ModeOf(path / "password"), 0600);
    auto second = LocalFolder::Open(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text, path.string() + " is in use by another slotway local");
  }
  auto again = LocalFolder::Open(path);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->ReadNodesConfs(), (std::vector<std::string>{"one", "other"}));
  EXPECT_EQ((*again)->ReadPassword(), "geheim");
  fs::remove_all(parent);
}

TEST(LocalFolderTest, SaysWhereItCannotWrite) {
  auto folder = LocalFolder::Open("/proc/nowhere");
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().text.find("/proc/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace slotway::proxy
