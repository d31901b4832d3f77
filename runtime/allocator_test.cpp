// SPDX-License-Identifier: Apache-2.0
#include "runtime/allocator.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace slotway::runtime {
namespace {

TEST(Allocator, CountsWhatIsAllocated) {
  constexpr std::size_t kBytes = 64 * 1024 * 1024;
  const AllocatorStats before = ReadAllocatorStats();
  auto block = std::make_unique<std::vector<char>>(kBytes, 'x');
  const AllocatorStats during = ReadAllocatorStats();
  EXPECT_EQ((*block)[kBytes - 1], 'x');
  EXPECT_GE(during.allocated_bytes, before.allocated_bytes + kBytes);
  EXPECT_GE(during.active_bytes, before.active_bytes + kBytes);
  block.reset();
  PurgeAllocator();
  EXPECT_LT(ReadAllocatorStats().allocated_bytes, during.allocated_bytes);
}

TEST(Allocator, Reports) { EXPECT_GT(AllocatorReport().size(), 20u); }

}  // namespace
}  // namespace slotway::runtime
