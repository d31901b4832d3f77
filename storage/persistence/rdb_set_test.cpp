// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "storage/engine/set_handle.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {
namespace {

class RdbSetTest : public ::testing::Test {
 protected:
  RestoreResult Read(std::string value) {
    std::string payload = std::move(value) + std::string(10, '\0');  // a footer, not looked at
    return RestoreValue(payload, {keyspace_, kTo, limits_, kNow});
  }
  Entry Found(const KeyRef& key) { return keyspace_.Find(key.slot, key.key, kNow); }
  std::set<std::string> MembersOf(const KeyRef& key) {
    std::set<std::string> members;
    SetHandle(keyspace_, Found(key)).ForEach([&](std::string_view member) {
      members.emplace(member);
    });
    return members;
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
  ValueLimits limits_;
};

TEST_F(RdbSetTest, WhatIsDumpedIsRestored) {
  for (const std::string prefix : {"", "m"}) {
    for (const int count : {1, 128, 129, 512, 513, 3000}) {
      SetHandle set = SetHandle::Create(keyspace_, kFrom, kNow);
      for (int i = 0; i < count; ++i) set.Add(prefix + std::to_string(i * 50), limits_.set);
      const auto payload = DumpValue(keyspace_, Found(kFrom));
      ASSERT_TRUE(IsDumpIntact(payload));
      ASSERT_EQ(RestoreValue(payload, {keyspace_, kTo, limits_, kNow}), RestoreResult::kDone);
      EXPECT_EQ(Found(kTo).encoding(), Found(kFrom).encoding());
      EXPECT_EQ(MembersOf(kTo), MembersOf(kFrom));
    }
  }
}

const std::string kIntsetOfThree("\x0b\x0e\2\0\0\0\3\0\0\0\1\0\2\0\3\0", 16);
const std::string kListpackOfThree(
    "\x14\x0e\x0e\0\0\0\3\0\1\1\2\1\x81"
    "a\2\xff",
    16);

TEST_F(RdbSetTest, ReadsAllForms) {
  EXPECT_EQ(Read("\x02\x02\x01"
                 "a\xc0\x07"),
            RestoreResult::kDone);
  EXPECT_EQ(MembersOf(kTo), (std::set<std::string>{"a", "7"}));
  EXPECT_EQ(Found(kTo).encoding(), Encoding::kListpack);
  EXPECT_EQ(Read(kIntsetOfThree), RestoreResult::kDone);
  EXPECT_EQ(MembersOf(kTo), (std::set<std::string>{"1", "2", "3"}));
  EXPECT_EQ(Found(kTo).encoding(), Encoding::kIntset);
  EXPECT_EQ(Read(kListpackOfThree), RestoreResult::kDone);
  EXPECT_EQ(MembersOf(kTo), (std::set<std::string>{"1", "2", "a"}));
  EXPECT_EQ(Found(kTo).encoding(), Encoding::kListpack);
}

TEST_F(RdbSetTest, MoreThanTheLimitsAllowBecomesATable) {
  limits_.set = {.intset_entries_max = 2, .listpack_entries_max = 2};
  EXPECT_EQ(Read(kIntsetOfThree), RestoreResult::kDone);
  EXPECT_EQ(Found(kTo).encoding(), Encoding::kHashtable);
  EXPECT_EQ(MembersOf(kTo), (std::set<std::string>{"1", "2", "3"}));
  EXPECT_EQ(Read(kListpackOfThree), RestoreResult::kDone);
  EXPECT_EQ(Found(kTo).encoding(), Encoding::kHashtable);
  EXPECT_EQ(MembersOf(kTo), (std::set<std::string>{"1", "2", "a"}));
}

TEST_F(RdbSetTest, BadBytesAreRefused) {
  const std::vector<std::string> bad = {
      std::string("\x02\x00", 2),  // none
      "\x02\x02\x01"
      "a",  // one is missing
      "\x02\x02\x01"
      "a\x01"
      "a",  // twice the same
      "\x02\x01\x01"
      "ab",                                                   // more than there should be
      std::string("\x0b\x08\2\0\0\0\0\0\0\0", 10),            // an empty intset
      std::string("\x0b\x0c\2\0\0\0\2\0\0\0\2\0\1\0", 14),    // not in order
      std::string("\x14\x07\x07\0\0\0\0\0\xff", 9),           // an empty listpack
      std::string("\x14\x0b\x0b\0\0\0\2\0\1\1\1\1\xff", 13),  // twice the same
      kIntsetOfThree + "x",
      kListpackOfThree + "x",
  };
  for (const std::string& value : bad) EXPECT_EQ(Read(value), RestoreResult::kBadData) << value;
  EXPECT_FALSE(Found(kTo));
}

}  // namespace
}  // namespace slotway::storage
