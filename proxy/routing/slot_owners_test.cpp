// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/slot_owners.h"

#include <gtest/gtest.h>
#include <random>

namespace slotway::proxy {
namespace {

using protocol::Slot;

TEST(SlotOwners, NobodyOwnsAnythingAtFirst) {
  SlotOwners owners;
  EXPECT_EQ(owners[Slot{0}], kNoNodeIndex);
  EXPECT_EQ(owners[Slot{16383}], kNoNodeIndex);
}

TEST(SlotOwners, OneSlotMayHaveAnotherOwnerThanThoseAroundIt) {
  SlotOwners owners;
  for (int i = 0; i < protocol::kSlotCount; ++i) owners.Set(static_cast<Slot>(i), 1);
  EXPECT_EQ(owners.Set(Slot{700}, 2), 1);
  EXPECT_EQ(owners[Slot{699}], 1);
  EXPECT_EQ(owners[Slot{700}], 2);
  EXPECT_EQ(owners[Slot{701}], 1);
  EXPECT_EQ(owners.Set(Slot{700}, 1), 2);
  EXPECT_EQ(owners[Slot{700}], 1);
}

TEST(SlotOwners, AgreesWithAPlainTable) {
  std::mt19937 random(20261129);
  SlotOwners owners;
  std::vector<NodeIndex> table(protocol::kSlotCount, kNoNodeIndex);
  for (int step = 0; step < 2000; ++step) {
    const std::size_t from = random() % table.size();
    const std::size_t to = std::min(from + random() % 200, table.size());
    const auto node = static_cast<NodeIndex>(random() % 4 == 0 ? kNoNodeIndex : random() % 3);
    for (std::size_t i = from; i < to; ++i) {
      EXPECT_EQ(owners.Set(static_cast<Slot>(i), node), table[i]);
      table[i] = node;
    }
    const std::size_t asked = random() % table.size();
    EXPECT_EQ(owners[static_cast<Slot>(asked)], table[asked]);
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(owners[static_cast<Slot>(i)], table[i]);
    EXPECT_EQ(owners.Each()[i], table[i]);
  }
}

}  // namespace
}  // namespace slotway::proxy
