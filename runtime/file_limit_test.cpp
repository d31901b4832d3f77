// SPDX-License-Identifier: Apache-2.0
#include "runtime/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace slotway::runtime {
namespace {

class FileLimitTest : public testing::Test {
 protected:
  FileLimitTest() { getrlimit(RLIMIT_NOFILE, &before_); }
  ~FileLimitTest() override { setrlimit(RLIMIT_NOFILE, &before_); }
  void SetSoft(rlim_t files) {
    rlimit limit{files, before_.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  rlimit before_{};
};

TEST_F(FileLimitTest, RaisesTheSoftLimit) {
  SetSoft(100);
  EXPECT_EQ(RaiseFileLimit(150), 150u);
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, 150u);
}

TEST_F(FileLimitTest, NeverLowersIt) {
  SetSoft(200);
  EXPECT_EQ(RaiseFileLimit(100), 200u);
}

TEST_F(FileLimitTest, TellsWhatItGot) {
  SetSoft(100);
  std::uint64_t got = RaiseFileLimit(std::uint64_t{1} << 40);  // more than any kernel grants
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(got, now.rlim_cur);
  EXPECT_GE(got, 100u);
  EXPECT_LT(got, std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace slotway::runtime
