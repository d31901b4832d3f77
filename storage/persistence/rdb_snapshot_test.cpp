// SPDX-License-Identifier: Apache-2.0
// Random changes while a snapshot is taken: what is in it is what there was when it began.
#include "storage/persistence/rdb_snapshot.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "storage/engine/hash_handle.h"
#include "storage/engine/list_handle.h"
#include "storage/engine/set_handle.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/persistence/dump_payload.h"
#include "storage/persistence/rdb_file_reader.h"

namespace slotway::storage {
namespace {

// By database and name: the value as DUMP gives it, and the TTL.
using SnapshotContents =
    std::map<std::pair<int, std::string>, std::pair<std::string, std::optional<std::int64_t>>>;

class MemorySink final : public SnapshotSink {
 public:
  void Take(std::string& chunk) override { bytes += chunk; }
  bool HasRoom() const override { return has_room; }
  bool HasFailed() const override { return has_failed; }
  std::string bytes;
  bool has_room = true;
  bool has_failed = false;
};

class SnapshotReadTarget final : public RdbReadTarget {
 public:
  explicit SnapshotReadTarget(RecordArena& arena) : first(arena, {}), second(arena, {}) {
    for (Keyspace* database : {&first, &second}) database->SetExpiryMode(ExpiryMode::kIgnore);
  }
  Keyspace* Database(std::uint64_t index) override { return index == 0 ? &first : &second; }
  void Aux(std::string_view, std::string_view) override {}
  std::optional<std::string> Function(std::string_view) override { return std::nullopt; }
  Keyspace first;
  Keyspace second;
};

class RdbSnapshotTest : public ::testing::Test {
 protected:
  RdbSnapshotTest() : databases_{Keyspace(arena_, {}), Keyspace(arena_, {})} {}

  // Alike for alike values, in whatever order and form the elements are.
  static std::string ContentOf(Keyspace& database, const Entry& entry) {
    std::map<std::string, std::string> elements;
    if (entry.type() == ValueType::kHash) {
      HashHandle(database, entry).ForEach([&](std::string_view field, std::string_view value) {
        elements.emplace(field, value);
      });
    } else if (entry.type() == ValueType::kSet) {
      SetHandle(database, entry).ForEach([&](std::string_view member) {
        elements[std::string(member)];
      });
    } else if (entry.type() == ValueType::kZset) {
      SortedSetHandle(database, entry).ForEach([&](const ScoredMember& item) {
        elements.emplace(item.member, std::to_string(item.score));
      });
    } else {
      return DumpValue(database, entry);
    }
    std::string content;
    for (const auto& [name, value] : elements) content += name + "=" + value + ",";
    return content;
  }
  static void AddContents(int index, Keyspace& database, SnapshotContents& contents) {
    for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
      database.ForEachInSlot(static_cast<protocol::Slot>(slot), SIZE_MAX, [&](const Entry& entry) {
        contents[{index, std::string(entry.key())}] = {ContentOf(database, entry),
                                                       entry.expire_at_ms()};
      });
    }
  }
  SnapshotContents ContentsNow() {
    SnapshotContents contents;
    for (int i = 0; i < 2; ++i) AddContents(i, databases_[i], contents);
    return contents;
  }
  SnapshotContents ContentsOf(const std::string& file) {
    SnapshotReadTarget target(arena_);
    RdbFileReader reader(target, {.now_ms = now_ms_, .drops_due_keys = false});
    std::size_t taken = 0;
    EXPECT_EQ(reader.Feed(file, taken), RdbFileReader::Status::kDone) << reader.Error();
    SnapshotContents contents;
    AddContents(0, target.first, contents);
    AddContents(1, target.second, contents);
    return contents;
  }
  SnapshotSource Source() {
    SnapshotSource source;
    source.databases = {{0, &databases_[0]}, {1, &databases_[1]}};
    source.aux = {{"name", "value"}};
    return source;
  }

  std::uint64_t Random(std::uint64_t below) { return random_() % below; }
  // Some keys share a hash tag: one slot's table splits.
  std::string AnyKey() { return (Random(2) == 0 ? "{tag}" : "k") + std::to_string(Random(6000)); }
  void Change() {
    Keyspace& database = databases_[Random(2)];
    const std::string name = AnyKey();
    const KeyRef key{protocol::SlotOfKey(name), name};
    const Entry entry = database.Find(key.slot, key.key, now_ms_);
    switch (Random(entry ? 13 : 4)) {
      case 0:
        return SetHash(database, key);
      case 1:
        return SetList(database, key);
      case 2:
      case 3:
        database.SetString(key.slot, key.key, std::string(Random(80), 'v'), TtlChange::Keep(),
                           now_ms_);
        return;
      case 4:
        database.Delete(entry);
        return;
      case 5:
        database.SetExpiry(entry, now_ms_ + static_cast<std::int64_t>(Random(100)));
        return;
      case 6:
        database.ClearExpiry(entry);
        return;
      case 7: {
        const std::string other = AnyKey();
        database.Rename(key, {protocol::SlotOfKey(other), other}, now_ms_);
        return;
      }
      default:
        return ChangeValue(database, key, entry);
    }
  }
  void SetHash(Keyspace& database, const KeyRef& key) {
    database.Delete(key.slot, key.key, now_ms_);
    HashHandle hash = HashHandle::Create(database, key, now_ms_);
    for (std::uint64_t i = Random(40); i < 40; ++i) {
      hash.Set("f" + std::to_string(i), "v", HashLimits{.listpack_entries_max = 20});
    }
  }
  void SetList(Keyspace& database, const KeyRef& key) {
    database.Delete(key.slot, key.key, now_ms_);
    ListHandle list = ListHandle::Create(database, key, now_ms_);
    list.PushBack("first", ListLimits{});
  }
  void ChangeValue(Keyspace& database, const KeyRef& key, const Entry& entry) {
    if (entry.type() == ValueType::kHash) {
      HashHandle hash(database, entry);
      hash.Set("f" + std::to_string(Random(60)), "changed", HashLimits{.listpack_entries_max = 20});
    } else if (entry.type() == ValueType::kList) {
      ListHandle list(database, entry);
      list.PushBack(std::to_string(Random(1000)), ListLimits{});
    } else if (Random(2) == 0) {
      database.AppendString(entry, "more");
    } else {
      database.SetNumber(key.slot, key.key, static_cast<std::int64_t>(Random(1000)),
                         TtlChange::Keep(), now_ms_);
    }
  }
  // Values of thousands of elements, under few names in both databases.
  void ChangeLarge() {
    Keyspace& database = databases_[Random(2)];
    const std::string name = "large" + std::to_string(Random(9));
    const KeyRef key{protocol::SlotOfKey(name), name};
    const Entry entry = database.Find(key.slot, key.key, now_ms_);
    const std::string element = "element" + std::to_string(Random(3000));
    if (!entry) return CreateLarge(database, key, name.back() % 3);
    if (const std::uint64_t rare = Random(3000); rare == 0) {
      database.Delete(entry);
    } else if (rare == 1) {
      database.SetExpiry(entry, now_ms_ + 20);
    } else if (rare == 2) {
      database.Rename(key, {protocol::SlotOfKey("large0"), "large0"}, now_ms_);
    } else if (entry.type() == ValueType::kHash) {
      HashHandle hash(database, entry);
      Random(2) == 0 ? hash.Set(element, std::to_string(Random(1000)), HashLimits{})
                     : hash.Delete(element);
    } else if (entry.type() == ValueType::kSet) {
      SetHandle set(database, entry);
      Random(2) == 0 ? set.Add(element, SetLimits{}) : set.Remove(element);
    } else {
      SortedSetHandle set(database, entry);
      if (Random(3) == 0) {
        set.Delete(element);
      } else {
        SetScore(set, element);
      }
    }
  }
  void SetScore(SortedSetHandle& set, const std::string& member) {
    set.Update(member, SortedSetLimits{}, [this](std::optional<double>) {
      return std::optional(static_cast<double>(Random(100)));
    });
  }
  void CreateLarge(Keyspace& database, const KeyRef& key, int kind) {
    for (int i = 0; i < 3000; ++i) {
      const std::string element = "element" + std::to_string(i);
      const Entry entry = database.Find(key.slot, key.key, now_ms_);
      if (kind == 0) {
        HashHandle hash =
            entry ? HashHandle(database, entry) : HashHandle::Create(database, key, now_ms_);
        hash.Set(element, "new", HashLimits{});
      } else if (kind == 1) {
        SetHandle set =
            entry ? SetHandle(database, entry) : SetHandle::Create(database, key, now_ms_);
        set.Add(element, SetLimits{});
      } else {
        SortedSetHandle set = entry ? SortedSetHandle(database, entry)
                                    : SortedSetHandle::Create(database, key, now_ms_);
        SetScore(set, element);
      }
    }
  }
  void ChangeALot() {
    for (std::uint64_t i = Random(30); i > 0; --i) Change();
    now_ms_ += static_cast<std::int64_t>(Random(3));
    for (Keyspace& database : databases_) {
      if (Random(3) == 0) database.ExpireDue(now_ms_, 50);
      if (Random(4) == 0) database.FreeFlushed(20);
    }
    if (Random(60) == 0) databases_[Random(2)].FlushSlot(protocol::SlotOfKey("{tag}"));
    if (Random(250) == 0) databases_[Random(2)].FlushAll();
  }

  RecordArena arena_;
  Keyspace databases_[2];
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::mt19937_64 random_{20261129};
};

TEST_F(RdbSnapshotTest, HoldsWhatWasThereWhenItBegan) {
  for (int i = 0; i < 6000; ++i) Change();
  for (int round = 0; round < 12; ++round) {
    const SnapshotContents before = ContentsNow();
    MemorySink sink;
    RdbSnapshot snapshot(Source(), sink);
    while (snapshot.Step(1 + Random(40))) ChangeALot();
    EXPECT_FALSE(snapshot.IsGivenUp());
    const SnapshotContents held = ContentsOf(sink.bytes);
    ASSERT_EQ(held.size(), before.size());
    EXPECT_TRUE(held == before) << "round " << round;
    EXPECT_FALSE(ContentsNow() == before);
  }
}

TEST_F(RdbSnapshotTest, LargeValuesAreWrittenPieceByPiece) {
  for (int i = 0; i < 500; ++i) Change();
  for (int i = 0; i < 1000; ++i) ChangeLarge();
  for (int round = 0; round < 12; ++round) {
    const SnapshotContents before = ContentsNow();
    MemorySink sink;
    RdbSnapshot snapshot(Source(), sink);
    int steps = 0;
    for (; snapshot.Step(1 + Random(40)); ++steps) {
      for (std::uint64_t i = Random(40); i > 0; --i) ChangeLarge();
      for (std::uint64_t i = Random(10); i > 0; --i) Change();
      if (Random(4) == 0) databases_[Random(2)].FreeFlushed(20);
    }
    // About eight elements for each key that a step may take.
    EXPECT_GT(steps, 100);
    const SnapshotContents held = ContentsOf(sink.bytes);
    ASSERT_EQ(held.size(), before.size());
    EXPECT_TRUE(held == before) << "round " << round;
    EXPECT_FALSE(ContentsNow() == before);
  }
}

TEST_F(RdbSnapshotTest, LargeValuesThatWereGivenUpLeaveTheNextSnapshotWhole) {
  for (int i = 0; i < 1000; ++i) ChangeLarge();
  MemorySink failing;
  RdbSnapshot given_up(Source(), failing);
  for (int i = 0; i < 5; ++i) {
    given_up.Step(20);
    ChangeLarge();
  }
  failing.has_failed = true;
  while (given_up.Step(50)) ChangeLarge();
  EXPECT_TRUE(given_up.IsGivenUp());

  const SnapshotContents before = ContentsNow();
  MemorySink sink;
  RdbSnapshot snapshot(Source(), sink);
  while (snapshot.Step(20)) ChangeLarge();
  EXPECT_TRUE(ContentsOf(sink.bytes) == before);
}

TEST_F(RdbSnapshotTest, OneThatWasGivenUpLeavesTheNextOneWhole) {
  for (int i = 0; i < 4000; ++i) Change();
  for (int round = 0; round < 6; ++round) {
    MemorySink failing;
    RdbSnapshot given_up(Source(), failing);
    for (int i = 0; i < 5; ++i) {
      given_up.Step(20);
      ChangeALot();
    }
    failing.has_failed = true;
    while (given_up.Step(50)) ChangeALot();
    EXPECT_TRUE(given_up.IsGivenUp());

    const SnapshotContents before = ContentsNow();
    MemorySink sink;
    RdbSnapshot snapshot(Source(), sink);
    while (snapshot.Step(100)) ChangeALot();
    EXPECT_TRUE(ContentsOf(sink.bytes) == before) << "round " << round;
  }
}

TEST_F(RdbSnapshotTest, ASinkWithoutRoomIsGivenOnlyWhatChanges) {
  for (int i = 0; i < 2000; ++i) Change();
  const SnapshotContents before = ContentsNow();
  MemorySink sink;
  RdbSnapshot snapshot(Source(), sink);
  sink.has_room = false;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(snapshot.Step(1000));
  EXPECT_EQ(snapshot.KeysWritten(), 0u);
  for (int i = 0; i < 50; ++i) Change();
  EXPECT_GT(snapshot.KeysWritten(), 0u);
  sink.has_room = true;
  while (snapshot.Step(1000)) {
  }
  EXPECT_TRUE(ContentsOf(sink.bytes) == before);
}

}  // namespace
}  // namespace slotway::storage
