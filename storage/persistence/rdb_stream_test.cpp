// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine/stream_handle.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {
namespace {

constexpr KeyRef kKey{protocol::Slot{1}, "key"};

// One stream with two groups, out of files of Redis 7.0.15 and of Valkey 8: entries 1-1, 1-2, 5-0;
// g1 has 1-2 pending with alice, 5-0 with bob; nobody knows what g2 has read.
constexpr std::string_view kHeadHex =
    "011000000000000000010000000000000001c33f404411440000001a00030100010101816102000102200a400c0004"
    "200540070002401620040462020301082011040401dfff02202b0a7a02846c617374050601ff030500010100000302"
    "02673105000302000000000000000100000000000000026cb77602a201000001000000000000000500000000000000"
    "006cb77602a20100000102"
    "05616c6963656cb77602a2010000";
constexpr std::string_view kAlicePendingHex = "0100000000000000010000000000000002";
constexpr std::string_view kBobHex = "03626f626cb77602a2010000";
constexpr std::string_view kTailHex =
    "0100000000000000050000000000000000026732050081ffffffffffffffff0000";

std::string FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

std::string FileOf70() {
  return FromHex("13" + std::string(kHeadHex) + std::string(kAlicePendingHex) +
                 std::string(kBobHex) + std::string(kTailHex));
}

// With the time of each consumer's last success, 1 and 2.
std::string FileOf72() {
  return FromHex("15" + std::string(kHeadHex) + "0100000000000000" + std::string(kAlicePendingHex) +
                 std::string(kBobHex) + "0200000000000000" + std::string(kTailHex));
}

class RdbStreamTest : public ::testing::Test {
 protected:
  RestoreResult Read(std::string value) {
    value.append(10, '\0');  // a footer, not looked at
    return RestoreValue(value, {keyspace_, kKey, limits_, kNow});
  }
  const StreamValue& Stream() {
    return StreamHandle(keyspace_, keyspace_.Find(kKey.slot, kKey.key, kNow)).stream();
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
  ValueLimits limits_;
};

TEST_F(RdbStreamTest, FilesOfRedis70) {
  ASSERT_EQ(Read(FileOf70()), RestoreResult::kDone);
  const StreamValue& stream = Stream();
  EXPECT_EQ(stream.Length(), 3u);
  EXPECT_EQ(stream.counters().first_id, (StreamId{1, 1}));
  EXPECT_EQ(stream.counters().last_id, (StreamId{5, 0}));
  EXPECT_EQ(stream.counters().entries_added, 3u);
  const StreamGroup& group = *stream.FindGroup("g1");
  EXPECT_EQ(group.entries_read, 3);
  EXPECT_EQ(stream.LagOf(group), 0);
  EXPECT_EQ(group.FindPending({1, 2})->consumer->name, "alice");
  EXPECT_EQ(group.FindConsumer("bob")->active_ms, group.FindConsumer("bob")->seen_ms);
  EXPECT_EQ(stream.FindGroup("g2")->entries_read, StreamGroup::kUnknownEntriesRead);
}

TEST_F(RdbStreamTest, FilesOfRedis72) {
  ASSERT_EQ(Read(FileOf72()), RestoreResult::kDone);
  const StreamGroup& group = *Stream().FindGroup("g1");
  EXPECT_EQ(group.FindConsumer("alice")->active_ms, 1);
  EXPECT_EQ(group.FindConsumer("bob")->active_ms, 2);
  EXPECT_EQ(group.FindConsumer("bob")->pending.Size(), 1u);
}

TEST_F(RdbStreamTest, FilesBefore70HaveNoCounters) {
  // One node with the entry 7-1, then: 1 entry, last id 7-1, no group.
  const std::string node(
      "\x01\x10"
      "\0\0\0\0\0\0\0\x07"
      "\0\0\0\0\0\0\0\x01"
      "\x1d\x1d\0\0\0\x0a\0"
      "\x01\x01\0\x01\x01\x01\x81"
      "f\x02\0\x01"
      "\x02\x01\0\x01\0\x01\x81"
      "v\x02\x04\x01\xff",
      48);
  ASSERT_EQ(Read("\x0f" + node + std::string("\x01\x07\x01\0", 4)), RestoreResult::kDone);
  EXPECT_EQ(Stream().counters().first_id, (StreamId{7, 1}));
  EXPECT_EQ(Stream().counters().entries_added, 1u);
  EXPECT_EQ(Read("\x0f" + node + std::string("\x02\x07\x01\0", 4)), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0f" + node + std::string("\x01\x07\0\0", 4)), RestoreResult::kBadData);
}

TEST_F(RdbStreamTest, WhatIsDumpedIsRestored) {
  ASSERT_EQ(Read(FileOf70()), RestoreResult::kDone);
  const auto payload = DumpValue(keyspace_, keyspace_.Find(kKey.slot, kKey.key, kNow));
  ASSERT_TRUE(IsDumpIntact(payload));
  ASSERT_EQ(RestoreValue(payload, {keyspace_, kKey, limits_, kNow}), RestoreResult::kDone);
  EXPECT_EQ(DumpValue(keyspace_, keyspace_.Find(kKey.slot, kKey.key, kNow)), payload);
  EXPECT_EQ(Stream().Length(), 3u);
}

TEST_F(RdbStreamTest, BadBytesAreRefused) {
  const std::string good = FileOf70();
  for (std::size_t length = 1; length < good.size(); ++length) {
    EXPECT_EQ(Read(good.substr(0, length)), RestoreResult::kBadData) << length;
  }
  EXPECT_EQ(Read(good + "x"), RestoreResult::kBadData);
  const std::string head(kHeadHex), alice(kAlicePendingHex), bob(kBobHex), tail(kTailHex);
  const std::vector<std::string> bad = {
      // Two have the same entry.
      "13" + head + alice + bob + "0100000000000000010000000000000002" + tail.substr(34),
      // Nobody has 5-0.
      "13" + head + alice + bob + "00" + tail.substr(34),
      // Alice has what nobody was given.
      "13" + head + "0100000000000000010000000000000003" + bob + tail,
      // Alice twice.
      "13" + head + alice + "05616c6963656cb77602a2010000" + tail,
      // The second group has the name of the first.
      "13" + head + alice + bob + tail.substr(0, 36) + "6731" + tail.substr(40),
  };
  for (const std::string& hex : bad) EXPECT_EQ(Read(FromHex(hex)), RestoreResult::kBadData) << hex;
}

}  // namespace
}  // namespace slotway::storage
