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

TEST(Allocator, TheMeterFollowsWhatIsAllocated) {
  constexpr std::uint64_t kBytes = 1000 * 1000;
  const HeapMeter meter;
  const std::uint64_t before = meter.Bytes();
  auto block = std::make_unique<std::vector<char>>(kBytes, 'x');
  EXPECT_GE(meter.Bytes(), before + kBytes);
  EXPECT_LT(meter.Bytes(), before + kBytes + kBytes / 2);
  EXPECT_EQ((*block)[kBytes - 1], 'x');
  block.reset();
  EXPECT_LT(meter.Bytes(), before + kBytes / 10);
}

TEST(Allocator, Reports) { EXPECT_GT(AllocatorReport().size(), 20u); }

}  // namespace
}  // namespace slotway::runtime
