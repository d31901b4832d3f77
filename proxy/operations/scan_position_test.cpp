// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/scan_position.h"

#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <vector>

#include "runtime/random.h"

namespace slotway::proxy {
namespace {

using protocol::kSlotCount;

// A cluster of servers that keep keys (here: numbers) in their slots and scan as Redis, Valkey or
// our own shard do.
class Cluster {
 public:
  Cluster(runtime::Random& random, ScanOrder order, std::size_t nodes)
      : random_(random), order_(order) {
    for (std::size_t i = 0; i < nodes; ++i) AddNode();
    for (int slot = 0; slot < kSlotCount; ++slot) {
      owner_[static_cast<std::size_t>(slot)] =
          static_cast<std::uint16_t>(static_cast<std::size_t>(slot) * nodes / kSlotCount);
    }
  }

  ScanMap Map() const {
    std::uint64_t mark = 17;
    for (std::uint16_t owner : owner_) mark = (mark ^ marks_[owner]) * 0x9e3779b97f4a7c15u;
    // The low bits of a product say nothing of the others.
    return {owner_, marks_, mark ^ mark >> 32};
  }
  static int SlotOf(int key) { return static_cast<int>((key * 2654435761u) % kSlotCount); }
  std::uint16_t OwnerOf(int slot) const { return owner_[static_cast<std::size_t>(slot)]; }
  void Move(int slot, std::uint16_t node) { owner_[static_cast<std::size_t>(slot)] = node; }
  // The node's successor has its slots and another order of keys.
  void FailOver(std::uint16_t node) {
    marks_[node] = random_.Next();
    seeds_[node] = random_.Next();
  }
  std::size_t Nodes() const { return marks_.size(); }

  // One SCAN call at the node that owns `slot`: the keys, and the next cursor.
  std::uint64_t Scan(int slot, std::uint64_t cursor, const std::vector<int>& all,
                     std::vector<int>& page) const {
    std::uint16_t node = OwnerOf(slot);
    // Keys in the order of their places, a place per key.
    std::map<std::uint64_t, int> placed;
    for (int key : all) {
      if (OwnerOf(SlotOf(key)) == node) placed[PlaceOf(node, key)] = key;
    }
    auto at = placed.lower_bound(cursor == 0 ? 0 : OrderedPlace(cursor));
    for (int i = 0; i < 5 && at != placed.end(); ++i, ++at) page.push_back(at->second);
    return at == placed.end() ? 0 : CursorOf(at->first);
  }

 private:
  void AddNode() {
    marks_.push_back(random_.Next());
    seeds_.push_back(random_.Next());
  }
  // Increasing in the order of the scan.
  std::uint64_t PlaceOf(std::uint16_t node, int key) const {
    std::uint64_t hash = (static_cast<std::uint64_t>(key) ^ seeds_[node]) * 0x9e3779b97f4a7c15u;
    hash = 1 + (hash >> 44);
    if (order_ == ScanOrder::kHash) return hash;
    return static_cast<std::uint64_t>(SlotOf(key)) << 32 | hash;
  }
  std::uint64_t CursorOf(std::uint64_t place) const {
    if (order_ != ScanOrder::kSlotLow) return place;
    return (place & 0xffffffff) << 14 | place >> 32;
  }
  std::uint64_t OrderedPlace(std::uint64_t cursor) const {
    if (order_ != ScanOrder::kSlotLow) return cursor;
    return (cursor & 0x3fff) << 32 | cursor >> 14;
  }

  runtime::Random& random_;
  ScanOrder order_;
  std::array<std::uint16_t, kSlotCount> owner_;
  std::vector<std::uint64_t> marks_, seeds_;
};

struct Outcome {
  std::multiset<int> keys;
  int calls = 0;
};

// What the operation does with the pure part, without limbo: slots change owners in one step.
template <class Between>
Outcome ScanAll(Cluster& cluster, ScanOrder order, const std::vector<int>& keys, Between between) {
  Outcome outcome;
  std::uint64_t cursor = 0;
  do {
    ScanMap map = cluster.Map();
    ScanPosition position = ResumeScan(cursor, map);
    if (position.IsDone()) break;
    if (!position.is_order_known) position = WithOrder(position, order, map);
    std::vector<int> page;
    std::uint64_t next = cluster.Scan(position.first, ServerCursor(position), keys, page);
    ScanPosition after = AfterReply(position, next, map);
    EXPECT_EQ(FirstUncovered(position, after, map, [](int) { return true; }), kSlotCount);
    for (int key : page) {
      if (IsCovered(position, after, Cluster::SlotOf(key))) outcome.keys.insert(key);
    }
    cursor = EncodeScan(after, map);
    ++outcome.calls;
    between(outcome.calls);
  } while (cursor != 0 && outcome.calls < 1'000'000);
  EXPECT_EQ(cursor, 0u);
  return outcome;
}

std::vector<int> SomeKeys(int count) {
  std::vector<int> keys;
  for (int i = 0; i < count; ++i) keys.push_back(i);
  return keys;
}

constexpr ScanOrder kOrders[] = {ScanOrder::kHash, ScanOrder::kSlotLow, ScanOrder::kSlotHigh};

TEST(ScanPosition, EveryKeyOnceIfNothingChanges) {
  runtime::Random random(1);
  std::vector<int> keys = SomeKeys(800);
  for (ScanOrder order : kOrders) {
    Cluster cluster(random, order, 4);
    // Also where a node's slots lie in many pieces.
    for (int i = 0; i < 300; ++i) {
      cluster.Move(static_cast<int>(random.Below(kSlotCount)),
                   static_cast<std::uint16_t>(random.Below(4)));
    }
    Outcome outcome = ScanAll(cluster, order, keys, [](int) {});
    EXPECT_EQ(outcome.keys, std::multiset<int>(keys.begin(), keys.end()));
    if (order == ScanOrder::kHash) {
      EXPECT_LE(outcome.calls, 800 / 5 + 8);
    }
  }
}

TEST(ScanPosition, NoKeyIsSkippedWhateverChanges) {
  std::vector<int> keys = SomeKeys(400);
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    for (ScanOrder order : kOrders) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", order " << static_cast<int>(order));
      runtime::Random random(seed);
      Cluster cluster(random, order, 2 + random.Below(4));
      int changes = 40;
      auto between = [&](int) {
        if (changes == 0 || random.Below(4) != 0) return;
        --changes;
        if (random.Below(5) == 0) {
          cluster.FailOver(static_cast<std::uint16_t>(random.Below(cluster.Nodes())));
          return;
        }
        auto to = static_cast<std::uint16_t>(random.Below(cluster.Nodes()));
        int first = static_cast<int>(random.Below(kSlotCount));
        int end = first + static_cast<int>(random.Below(3000));
        for (int slot = first; slot < std::min(end, kSlotCount); ++slot) cluster.Move(slot, to);
      };
      Outcome outcome = ScanAll(cluster, order, keys, between);
      for (int key : keys) ASSERT_GT(outcome.keys.count(key), 0u) << key;
    }
  }
}

TEST(ScanPosition, AnyNumberIsACursor) {
  runtime::Random random(7);
  Cluster cluster(random, ScanOrder::kHash, 3);
  ScanMap map = cluster.Map();
  for (int i = 0; i < 100'000; ++i) {
    ScanPosition position = ResumeScan(random.Next(), map);
    ASSERT_GE(position.first, 0);
    ASSERT_LT(position.first, kSlotCount);
    ASSERT_GT(position.end, position.first);
    ASSERT_LE(position.end, kSlotCount);
    ASSERT_NE(EncodeScan(position, map), 0u);
  }
}

// Clients of JavaScript read cursors as doubles, and others as signed numbers.
TEST(ScanPosition, CursorsFitInADoubleWhereTheyCan) {
  runtime::Random random(9);
  Cluster cluster(random, ScanOrder::kHash, 3);
  ScanMap map = cluster.Map();
  auto bits_of = [&](ScanPosition position, std::uint64_t server_cursor) {
    position.server_cursor = server_cursor;
    position.is_order_known = true;
    return std::bit_width(EncodeScan(position, map));
  };
  ScanPosition low = WithOrder(RangeFrom(16000, map), ScanOrder::kSlotLow, map);
  ScanPosition high = WithOrder(RangeFrom(16000, map), ScanOrder::kSlotHigh, map);
  for (int i = 0; i < 100; ++i) {
    cluster.FailOver(static_cast<std::uint16_t>(i % 3));
    EXPECT_LE(bits_of({}, (1ull << 24) - 1), 53);
    EXPECT_LE(bits_of({}, (1ull << 40) - 1), 63);
    EXPECT_LE(bits_of(RangeFrom(16000, map), (1ull << 12) - 1), 53);
    EXPECT_LE(bits_of(RangeFrom(16000, map), (1ull << 28) - 1), 63);
    EXPECT_LE(bits_of(low, (1ull << 24) - 1), 53);
    EXPECT_LE(bits_of(low, (1ull << 32) - 1), 63);
    EXPECT_LE(bits_of(high, 0xffffff00), 53);
    EXPECT_LE(bits_of(high, 0xffffffff), 63);
  }
}

TEST(ScanPosition, PositionsSurviveTheirCursors) {
  runtime::Random random(8);
  Cluster cluster(random, ScanOrder::kHash, 3);
  ScanMap map = cluster.Map();
  for (std::uint64_t server_cursor : {1ull, 4095ull, 4096ull, 1ull << 20, 1ull << 27}) {
    ScanPosition position = RangeFrom(100, map);
    position.server_cursor = server_cursor;
    position.is_order_known = true;
    EXPECT_EQ(ResumeScan(EncodeScan(position, map), map), position) << server_cursor;
    position = {};
    position.server_cursor = server_cursor << 12;
    position.is_order_known = true;
    EXPECT_EQ(ResumeScan(EncodeScan(position, map), map), position) << server_cursor;
  }
  for (ScanOrder order : {ScanOrder::kSlotLow, ScanOrder::kSlotHigh}) {
    for (std::uint64_t within : {0ull, 1ull, 0x500ull, 0xabcdef00ull, 0xabcdef01ull}) {
      ScanPosition position = WithOrder(RangeFrom(100, map), order, map);
      position.server_cursor = within;
      EXPECT_EQ(ResumeScan(EncodeScan(position, map), map), position) << within;
    }
  }
  // What does not fit begins its node anew.
  ScanPosition position;
  position.server_cursor = 1ull << 50;
  EXPECT_EQ(ResumeScan(EncodeScan(position, map), map).server_cursor, 0u);
  // Slots without an owner have no keys.
  std::array<std::uint16_t, kSlotCount> nobody;
  nobody.fill(ScanMap::kNoOwner);
  ScanMap empty{nobody, {}, 0};
  EXPECT_TRUE(ResumeScan(0, empty).IsDone());
}

}  // namespace
}  // namespace slotway::proxy
