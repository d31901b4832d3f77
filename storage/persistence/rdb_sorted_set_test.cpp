// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "storage/engine/sorted_set_handle.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {
namespace {

class RdbSortedSetTest : public ::testing::Test {
 protected:
  RestoreResult Read(std::string value) {
    std::string payload = std::move(value) + std::string(10, '\0');  // a footer, not looked at
    return RestoreValue(payload, {keyspace_, kTo, limits_, kNow});
  }
  std::string Restored() {
    std::string text;
    const SortedSetHandle set(keyspace_, keyspace_.Find(kTo.slot, kTo.key, kNow));
    set.ForEach([&text](const ScoredMember& item) {
      text += std::string(item.member) + "=" + std::to_string(item.score) + " ";
    });
    return text;
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
  ValueLimits limits_;
};

TEST_F(RdbSortedSetTest, WhatIsDumpedIsRestored) {
  for (const int count : {1, 5, 128, 129, 1000}) {
    SortedSetHandle set = SortedSetHandle::Create(keyspace_, kFrom, kNow);
    for (int i = 0; i < count; ++i) {
      set.Update("m" + std::to_string(i), limits_.sorted_set,
                 [i](std::optional<double>) { return std::optional(i % 100 * 0.25); });
    }
    const auto payload = DumpValue(keyspace_, keyspace_.Find(kFrom.slot, kFrom.key, kNow));
    ASSERT_TRUE(IsDumpIntact(payload));
    ASSERT_EQ(RestoreValue(payload, {keyspace_, kTo, limits_, kNow}), RestoreResult::kDone);
    const Entry restored = keyspace_.Find(kTo.slot, kTo.key, kNow);
    EXPECT_EQ(restored.encoding(), count <= 128 ? Encoding::kListpack : Encoding::kSkiplist);
    EXPECT_EQ(SortedSetHandle(keyspace_, restored).Size(), static_cast<std::size_t>(count));
    EXPECT_EQ(SortedSetHandle(keyspace_, restored).RankOf("m0"), 0u);
  }
}

TEST_F(RdbSortedSetTest, TextScoresOfOldFiles) {
  const std::string value(
      "\x03\x04\x01"
      "a\x03"
      "1.5\x01"
      "b\xff\x01"
      "c\xfe\x01"
      "d\x01"
      "2",
      18);
  EXPECT_EQ(Read(value), RestoreResult::kDone);
  EXPECT_EQ(Restored(), "b=-inf a=1.500000 d=2.000000 c=inf ");
}

TEST_F(RdbSortedSetTest, BadBytesAreRefused) {
  const std::string one_score =
      "\x01"
      "a" +
      std::string(6, '\0') + "\xf0\x3f";  // a, 1.0
  EXPECT_EQ(Read("\x05\x01" + one_score), RestoreResult::kDone);
  const std::string not_a_number =
      "\x01"
      "a" +
      std::string(6, '\0') + "\xf8\x7f";
  const std::vector<std::string> bad = {
      std::string("\x05\x00", 2),           // none
      "\x05\x02" + one_score,               // one is missing
      "\x05\x02" + one_score + one_score,   // twice the same
      "\x05\x01" + one_score + "x",         // more than there should be
      "\x05\x01" + not_a_number,            //
      "\x05\x01" + one_score.substr(0, 7),  //
      "\x03\x01\x01"
      "a\xfd",  // NaN
      "\x03\x01\x01"
      "a\x01"
      "x",  // no number
      "\x03\x01\x01"
      "a\x02"
      "1",                                           // cut
      std::string("\x11\x07\x07\0\0\0\0\0\xff", 9),  // an empty listpack
  };
  for (const std::string& value : bad) EXPECT_EQ(Read(value), RestoreResult::kBadData) << value;
}

}  // namespace
}  // namespace slotway::storage
