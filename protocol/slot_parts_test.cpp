// SPDX-License-Identifier: Apache-2.0
#include "protocol/slot_parts.h"

#include <gtest/gtest.h>
#include <iterator>
#include <vector>

#include "protocol/slot.h"

namespace slotway::protocol {
namespace {

// What redis-cli 7.0 --cluster create gives to three and to seven masters.
TEST(SlotParts, AreThoseOfRedisCli) {
  const std::vector<std::vector<int>> lasts = {{5460, 10922, 16383},
                                               {2340, 4680, 7021, 9361, 11702, 14042, 16383}};
  for (const std::vector<int>& wanted : lasts) {
    std::vector<int> seen;
    for (int i = 0; i < std::ssize(wanted); ++i) {
      seen.push_back(PartOfSlots(i, static_cast<int>(wanted.size())).last);
    }
    EXPECT_EQ(seen, wanted);
  }
}

TEST(SlotParts, CoverEverySlotOnce) {
  for (int parts : {1, 2, 3, 5, 7, 1000, kSlotCount}) {
    int next = 0;
    for (int i = 0; i < parts; ++i) {
      const SlotBounds bounds = PartOfSlots(i, parts);
      ASSERT_EQ(bounds.first, next);
      ASSERT_NEAR(bounds.last - bounds.first + 1, kSlotCount / parts, 1);
      next = bounds.last + 1;
    }
    EXPECT_EQ(next, kSlotCount);
  }
}

}  // namespace
}  // namespace slotway::protocol
