// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <vector>

namespace slotway::runtime {
namespace {

using testing::HasSubstr;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slotway_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    options_.file = (directory_ / "log").string();
  }
  void TearDown() override {
    SetUpLog({});
    std::filesystem::remove_all(directory_);
  }
  std::vector<std::string> Lines(const std::string& name) {
    std::ifstream stream(directory_ / name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  std::filesystem::path directory_;
  LogOptions options_;
};

TEST_F(LogTest, TextLinesFromTheLevelOn) {
  SetUpLog(options_);
  LogDebug("not {}", "shown");
  LogInfo("client {} from {}", 7, "127.0.0.1");
  LogWarning("careful");
  LogError("broken {{}}");
  auto lines = Lines("log");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], testing::MatchesRegex("[0-9-]+ [0-9:.]+ info client 7 from 127.0.0.1"));
  EXPECT_THAT(lines[1], HasSubstr(" warning careful"));
  EXPECT_THAT(lines[2], HasSubstr(" error broken {}"));
}

TEST_F(LogTest, JsonLines) {
  options_.is_json = true;
  SetUpLog(options_);
  LogInfo("a \"quoted\" \\ line\nand {}", "more\x01");
  auto lines = Lines("log");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], testing::StartsWith("{\"time\":\""));
  EXPECT_THAT(lines[0], HasSubstr("\"level\":\"info\",\"text\":\"a \\\"quoted\\\" \\\\ line\\u000a"
                                  "and more\\u0001\"}"));
}

TEST_F(LogTest, LevelsCanBeOff) {
  options_.level = LogLevel::kOff;
  SetUpLog(options_);
  LogError("silence");
  EXPECT_FALSE(IsLogged(LogLevel::kError));
  EXPECT_TRUE(Lines("log").empty());
}

TEST_F(LogTest, FilesRotate) {
  options_.rotate_bytes = 2000;
  options_.rotate_files = 2;
  SetUpLog(options_);
  for (int i = 0; i < 200; ++i) LogInfo("line {}", i);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_LE(entry.file_size(), 2000u);
    ++files;
  }
  EXPECT_EQ(files, 3u);
  EXPECT_THAT(Lines("log").back(), HasSubstr("line 199"));
}

TEST_F(LogTest, ThreadsDoNotMixLines) {
  SetUpLog(options_);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 250; ++i) LogInfo("thread {} line {} end", t, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto lines = Lines("log");
  EXPECT_EQ(lines.size(), 1000u);
  for (const std::string& line : lines) {
    EXPECT_THAT(line, testing::MatchesRegex(".* info thread [0-9] line [0-9]+ end"));
  }
}

TEST_F(LogTest, MayBeSetUpAgainWhileOthersLog) {
  SetUpLog(options_);
  std::thread writer([] {
    for (int i = 0; i < 500; ++i) LogInfo("line {}", i);
  });
  LogOptions other = options_;
  other.file = (directory_ / "other").string();
  for (int i = 0; i < 20; ++i) SetUpLog(i % 2 == 0 ? other : options_);
  writer.join();
  EXPECT_EQ(Lines("log").size() + Lines("other").size(), 500u);
}

TEST_F(LogTest, AFileThatWasMovedAwayIsOpenedAnew) {
  SetUpLog(options_);
  LogInfo("before");
  std::filesystem::rename(directory_ / "log", directory_ / "log.old");
  SetUpLog(options_);
  LogInfo("after");
  EXPECT_THAT(Lines("log.old"), testing::ElementsAre(HasSubstr("before")));
  EXPECT_THAT(Lines("log"), testing::ElementsAre(HasSubstr("after")));
}

TEST_F(LogTest, AFileThatCannotBeOpened) {
  options_.file = "/proc/nonexistent/log";
  testing::internal::CaptureStderr();
  SetUpLog(options_);
  LogInfo("still here");
  std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_THAT(shown, HasSubstr("/proc/nonexistent/log"));
  EXPECT_THAT(shown, HasSubstr("still here"));
}

}  // namespace
}  // namespace slotway::runtime
