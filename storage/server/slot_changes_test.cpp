// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_changes.h"

#include <gtest/gtest.h>

#include "protocol/resp_writer.h"
#include "protocol/slot.h"

namespace slotway::storage {
namespace {

using Words = std::vector<std::string_view>;

std::string Stream(const std::vector<Words>& commands) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  for (const Words& words : commands) protocol::WriteRequest(sink, words);
  return bytes;
}

// Of a migration of the slot of "{in}".
class SlotChangesTest : public testing::Test {
 protected:
  SlotChangesTest()
      : changes_([] {
          cluster::SlotBitmap slots;
          slots.Add(protocol::SlotOfKey("{in}"));
          return slots;
        }()) {}

  std::string Taken(const std::vector<Words>& commands) {
    std::string out;
    return changes_.Take(Stream(commands), out) ? out : "refused";
  }

  SlotChanges changes_;
};

TEST_F(SlotChangesTest, KeepsWhatConcernsTheSlots) {
  const Words inside = {"SET", "{in}a", "1"};
  EXPECT_EQ(Taken({{"SELECT", "0"}, inside}), Stream({inside}));
  EXPECT_EQ(Taken({{"SET", "{out}", "1"}}), "");
  EXPECT_EQ(Taken({{"PUBLISH", "channel", "text"}}), "");
  EXPECT_EQ(Taken({{"FUNCTION", "FLUSH"}}), "");
}

TEST_F(SlotChangesTest, ATransactionStaysOneWhereItHasSeveralParts) {
  const Words a = {"INCR", "{in}a"};
  const Words b = {"INCR", "{in}b"};
  const Words out = {"INCR", "{out}"};
  EXPECT_EQ(Taken({{"MULTI"}, a, out, b, {"EXEC"}}), Stream({{"MULTI"}, a, b, {"EXEC"}}));
  EXPECT_EQ(Taken({{"MULTI"}, a, out, {"EXEC"}}), Stream({a}));
  EXPECT_EQ(Taken({{"MULTI"}, out, out, {"EXEC"}}), "");
}

TEST_F(SlotChangesTest, OfADeletionAcrossSlotsTheOwnKeysAreKept) {
  EXPECT_EQ(Taken({{"UNLINK", "{in}a", "{out}", "{in}b"}}), Stream({{"UNLINK", "{in}a", "{in}b"}}));
}

TEST_F(SlotChangesTest, WhatCannotBeTornIsRefused) {
  EXPECT_EQ(Taken({{"MSET", "{in}", "1", "{out}", "2"}}), "refused");
}

}  // namespace
}  // namespace slotway::storage
