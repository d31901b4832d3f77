// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/record_text.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(RecordText, AChangeIsFoundHoweverMuchOthersHaveMadeSince) {
  RecordText record = RecordText().Followed("a.1", "x");
  for (int i = 0; i < 1000; ++i) record = record.Followed("b." + std::to_string(i), "y\nz");
  const RecordText read = RecordText::Parse(record.Stored());
  EXPECT_EQ(read.text, "y\nz");
  EXPECT_TRUE(read.Contains("a.1"));
  EXPECT_TRUE(read.Contains("b.999"));
  EXPECT_FALSE(read.Contains("b.998"));
  EXPECT_EQ(read.changes.size(), 2u);
}

TEST(RecordText, OfManyProcessesTheLastOnesAreRemembered) {
  RecordText record;
  for (int i = 0; i < 1000; ++i) record = record.Followed(std::to_string(i) + ".1", "");
  EXPECT_EQ(record.changes.size(), 256u);
  EXPECT_TRUE(record.Contains("999.1"));
  EXPECT_FALSE(record.Contains("1.1"));
}

}  // namespace
}  // namespace slotway::proxy
