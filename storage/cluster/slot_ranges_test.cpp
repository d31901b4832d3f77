// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_ranges.h"

#include <gtest/gtest.h>

#include "storage/cluster/slot_migration.h"

namespace slotway::storage::cluster {
namespace {

std::optional<SlotRanges> Parse(std::vector<std::string_view> bounds) {
  return ParseRanges(bounds);
}

TEST(SlotRanges, ArePairsOfSlots) {
  const auto ranges = Parse({"0", "9", "20", "20"});
  ASSERT_TRUE(ranges);
  EXPECT_EQ(FormatRanges(*ranges), "0-9 20-20");
  EXPECT_EQ(BoundsOf(*ranges), (std::vector<std::string>{"0", "9", "20", "20"}));
  for (const auto& bad : std::vector<std::vector<std::string_view>>{{},
                                                                    {"1"},
                                                                    {"2", "1"},
                                                                    {"0", "16384"},
                                                                    {"a", "1"},
                                                                    {"-1", "1"},
                                                                    {"1", ""},
                                                                    {"0", "1x"}}) {
    EXPECT_FALSE(ParseRanges(bad)) << bad.size();
  }
}

TEST(SlotRanges, OfASetAreJoinedWhereTheyMeet) {
  const SlotBitmap slots = BitmapOf({{5, 7}, {8, 9}, {16383, 16383}, {0, 0}});
  EXPECT_EQ(FormatRanges(RangesOf(slots)), "0-0 5-9 16383-16383");
  EXPECT_TRUE(RangesOf({}).empty());
}

TEST(MigrationLog, KeepsTheNewest) {
  MigrationLog log;
  for (const char* name : {"a", "b", "c"}) {
    MigrationRecord record;
    record.name = name;
    log.Add(std::move(record), 2);
  }
  ASSERT_EQ(log.Records().size(), 2u);
  EXPECT_EQ(log.Records()[0].name, "c");
  EXPECT_EQ(log.Records()[1].name, "b");
}

TEST(MigrationLog, IsShownAsMaps) {
  MigrationRecord record;
  record.name = "n";
  record.is_export = false;
  record.ranges = {{1, 2}};
  record.state = MigrationState::kFailed;
  record.message = "why";
  std::string reply;
  protocol::StringSink sink{reply};
  ReplyWriter writer(sink, protocol::RespVersion::kResp3);
  WriteMigrations({&record}, writer);
  EXPECT_TRUE(
      reply.starts_with("*1\r\n%14\r\n$4\r\nname\r\n$1\r\nn\r\n$9\r\noperation\r\n$6\r\nIMPORT\r\n"
                        "$11\r\nslot_ranges\r\n$3\r\n1-2\r\n"))
      << reply;
  EXPECT_NE(reply.find("$5\r\nstate\r\n$6\r\nfailed\r\n$7\r\nmessage\r\n$3\r\nwhy\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace slotway::storage::cluster
