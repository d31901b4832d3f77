// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_slice.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slotway::runtime {
namespace {

// The slice that the kernel tells of this thread; 0 where it tells none.
std::uint64_t SliceNs() {
  std::array<unsigned char, 48> attributes{};
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, attributes.data(), attributes.size(), 0), 0);
  std::uint64_t slice_ns = 0;
  std::memcpy(&slice_ns, attributes.data() + 24, sizeof slice_ns);
  return slice_ns;
}

TEST(ThreadSlice, IsShortUntilItIsUsualAgain) {
  SetThreadSlice(ThreadSlice::kUsual);  // another test's loop may have left it short
  const std::uint64_t usual_ns = SliceNs();
  SetThreadSlice(ThreadSlice::kShort);
  if (usual_ns > 0) {
    EXPECT_LT(SliceNs(), usual_ns);
  }
  SetThreadSlice(ThreadSlice::kUsual);
  EXPECT_EQ(SliceNs(), usual_ns);
}

}  // namespace
}  // namespace slotway::runtime
