// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/record_arena.h"

#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

TEST(RecordArena, RoundsToEightBytesWhenSmallAndWastesLittleWhenNot) {
  for (std::size_t bytes = 1; bytes <= 200'000; ++bytes) {
    const std::size_t rounded = RecordArena::RoundedBytes(bytes);
    ASSERT_GE(rounded, bytes);
    ASSERT_EQ(rounded % 8, 0u);
    ASSERT_LT(rounded - bytes, bytes <= 1024    ? 8
                               : bytes <= 4096  ? 64
                               : bytes <= 32768 ? 256
                                                : 4096)
        << bytes;
  }
}

TEST(RecordArena, KeepsContentsApartUnderRandomUse) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RecordArena arena;
  struct Live {
    std::byte* at;
    std::size_t bytes;
    unsigned char fill;
  };
  std::vector<Live> live;
  std::size_t expected = 0;
  const auto check_and_free = [&](std::size_t i) {
    const Live item = live[i];
    for (std::size_t b = 0; b < item.bytes; b += item.bytes / 16 + 1) {
      ASSERT_EQ(static_cast<unsigned char>(item.at[b]), item.fill);
    }
    ASSERT_EQ(static_cast<unsigned char>(item.at[item.bytes - 1]), item.fill);
    expected -= RecordArena::RoundedBytes(item.bytes);
    arena.Free(item.at);
    live[i] = live.back();
    live.pop_back();
  };
  for (int step = 0; step < 40'000; ++step) {
    if (live.empty() || random() % 100 < (step / 5000 % 2 == 0 ? 70u : 30u)) {
      const int magnitude = static_cast<int>(random() % 100);
      const std::size_t limit = magnitude < 80 ? 200 : magnitude < 98 ? 40'000 : 400'000;
      const std::size_t bytes = 1 + random() % limit;
      std::byte* at = arena.Allocate(bytes);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % 8, 0u);
      ASSERT_EQ(arena.At(arena.RefOf(at)), at);
      ASSERT_GE(arena.UsableBytes(at), bytes);
      const auto fill = static_cast<unsigned char>(random());
      std::memset(at, fill, bytes);
      live.push_back({at, bytes, fill});
      expected += RecordArena::RoundedBytes(bytes);
    } else {
      check_and_free(random() % live.size());
    }
    ASSERT_EQ(arena.allocated_bytes(), expected);
  }
  while (!live.empty()) check_and_free(live.size() - 1);
  while (arena.ReleaseFreed(1 << 20)) {
  }
  EXPECT_EQ(arena.allocated_bytes(), 0u);
  EXPECT_EQ(arena.held_bytes(), 0u);
}

TEST(RecordArena, AlignsWholeCacheLines) {
  RecordArena arena;
  for (const std::size_t bytes : {64u, 128u, 192u, 256u, 448u, 512u}) {
    for (int i = 0; i < 2000; ++i) {
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(arena.Allocate(bytes)) % 64, 0u) << bytes;
    }
  }
}

TEST(RecordArena, ReusesAndReturnsPages) {
  RecordArena arena;
  std::vector<std::byte*> objects;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 100'000; ++i) objects.push_back(arena.Allocate(100));
    const std::size_t full = arena.held_bytes();
    EXPECT_LT(full, 100'000u * 104 * 102 / 100);
    for (std::byte* object : objects) arena.Free(object);
    objects.clear();
    EXPECT_LE(arena.held_bytes(), 64 * RecordArena::kPageBytes);
  }
}

TEST(RecordArena, NothingNewComesOntoSparsePages) {
  RecordArena arena;
  std::vector<std::byte*> kept;
  std::vector<std::byte*> freed;
  for (int i = 0; i < 65 * 100; ++i) {
    (i % 10 == 0 ? kept : freed).push_back(arena.Allocate(1000));
  }
  EXPECT_EQ(arena.MarkSparse(), 0u) << "all pages are full";
  for (std::byte* object : freed) arena.Free(object);
  const std::size_t held = arena.held_bytes();
  EXPECT_EQ(arena.MarkSparse(), 100u);
  for (std::byte*& object : kept) {
    ASSERT_TRUE(arena.IsOnSparsePage(object));
    std::byte* const moved = arena.Allocate(1000);
    ASSERT_FALSE(arena.IsOnSparsePage(moved));
    arena.Free(object);
    object = moved;
  }
  arena.UnmarkSparse();
  arena.ReleaseFreed(SIZE_MAX);
  EXPECT_LT(arena.held_bytes(), held / 8);
  for (std::byte* object : kept) arena.Free(object);
  EXPECT_EQ(arena.allocated_bytes(), 0u);
  EXPECT_EQ(arena.FreeSlabBytes(), 0u);
}

TEST(RecordArena, SparsePagesThatAreNotEmptiedAreUsedAgain) {
  RecordArena arena;
  std::vector<std::byte*> kept;
  std::vector<std::byte*> freed;
  for (int i = 0; i < 650; ++i) (i % 3 == 0 ? kept : freed).push_back(arena.Allocate(1000));
  for (std::byte* object : freed) arena.Free(object);
  const std::size_t held = arena.held_bytes();
  EXPECT_EQ(arena.MarkSparse(), 10u);
  arena.UnmarkSparse();
  while (kept.size() < 400) kept.push_back(arena.Allocate(1000));
  EXPECT_LE(arena.held_bytes(), held + RecordArena::kPageBytes);
  EXPECT_EQ(std::set<std::byte*>(kept.begin(), kept.end()).size(), kept.size());
}

TEST(RecordArena, JoinsFreedRunsOfLargeObjects) {
  RecordArena arena(std::size_t{1} << 32);
  // Far more than the range in all: works only when freed runs are joined and reused.
  for (int round = 0; round < 40; ++round) {
    std::vector<std::byte*> objects;
    for (int i = 0; i < 16; ++i) {
      objects.push_back(
          arena.Allocate((std::size_t{1} << 20) * static_cast<std::size_t>(round + 1)));
    }
    for (std::byte* object : objects) arena.Free(object);
    while (arena.ReleaseFreed(std::size_t{1} << 30)) {
    }
  }
  EXPECT_EQ(arena.held_bytes(), 0u);
}

}  // namespace
}  // namespace slotway::storage
