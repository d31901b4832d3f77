// SPDX-License-Identifier: Apache-2.0
#include "runtime/ring.h"

#include <deque>
#include <gtest/gtest.h>
#include <random>

namespace slotway::runtime {
namespace {

TEST(Ring, AnEmptyRingHoldsNoMemory) {
  Ring<int> ring;
  EXPECT_TRUE(ring.Empty());
  EXPECT_EQ(ring.Size(), 0u);
  EXPECT_EQ(ring.Capacity(), 0u);
}

TEST(Ring, ShrinkGivesTheMemoryBackAndTheRingGoesOn) {
  Ring<int> ring;
  for (int i = 0; i < 1000; ++i) ring.PushBack(i);
  EXPECT_EQ(ring.Capacity(), 1024u);
  while (!ring.Empty()) ring.PopFront();
  EXPECT_EQ(ring.Capacity(), 1024u);
  ring.Shrink();
  EXPECT_EQ(ring.Capacity(), 0u);
  ring.PushBack(7);
  EXPECT_EQ(ring.Front(), 7);
  EXPECT_EQ(ring.Back(), 7);
}

TEST(Ring, BehavesAsADeque) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Ring<unsigned> ring;
    std::deque<unsigned> model;
    for (int step = 0; step < 5000; ++step) {
      if (model.empty() || random() % 100 < 52) {
        model.push_back(random());
        ring.PushBack(model.back());
      } else {
        ASSERT_EQ(ring.Front(), model.front());
        ring.PopFront();
        model.pop_front();
      }
      ASSERT_EQ(ring.Size(), model.size());
      if (model.empty()) continue;
      ASSERT_EQ(ring.Back(), model.back());
      std::size_t i = random() % model.size();
      ASSERT_EQ(ring[i], model[i]);
    }
  }
}

}  // namespace
}  // namespace slotway::runtime
