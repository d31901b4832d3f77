// SPDX-License-Identifier: Apache-2.0
#include "runtime/json_log.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>

namespace slotway::runtime {
namespace {

namespace fs = std::filesystem;

class JsonLogTest : public testing::Test {
 protected:
  JsonLogTest() : directory_(fs::temp_directory_path() / "slotway-json-log") {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~JsonLogTest() override { fs::remove_all(directory_); }
  std::string Text(const std::string& name) const {
    std::ifstream file(directory_ / name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void Write(JsonLog& log, std::string_view value) {
    const std::array<JsonLog::Field, 2> fields = {{{"what", value}, {"nothing", ""}}};
    log.Write(fields);
  }
  fs::path directory_;
};

TEST_F(JsonLogTest, EachEventIsALine) {
  JsonLog log;
  Write(log, "before it is open");
  EXPECT_FALSE(log.IsOpen());
  ASSERT_TRUE(log.Open({.file = directory_ / "events"}));
  EXPECT_TRUE(log.IsOpen());
  Write(log, "a \"b\" {} %v");
  EXPECT_THAT(Text("events"), testing::MatchesRegex(
      "\\{\"time\":\"20..-..-..T..:..:......[+-]..:..\",\"what\":\"a ..b.. \\{\\} %v\"\\}\n"));
  EXPECT_FALSE(log.Open({.file = directory_ / "events" / "events"})) << "no folder";
  Write(log, "second");
  EXPECT_THAT(Text("events"), testing::HasSubstr("second"));
  ASSERT_TRUE(log.Open({}));
  Write(log, "third");
  EXPECT_THAT(Text("events"), testing::Not(testing::HasSubstr("third")));
}

TEST_F(JsonLogTest, FilesAreRotatedAndBounded) {
  JsonLog log;
  ASSERT_TRUE(log.Open({.file = directory_ / "events", .rotate_bytes = 200, .rotate_files = 2}));
  for (int i = 0; i < 50; ++i) Write(log, std::to_string(i));
  EXPECT_THAT(Text("events"), testing::HasSubstr("\"49\""));
  const auto files = std::distance(fs::directory_iterator(directory_), fs::directory_iterator());
  EXPECT_EQ(files, 3);
}

}  // namespace
}  // namespace slotway::runtime
