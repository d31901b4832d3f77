// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/range_mover.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(RangeMover, NamesSlotsThatFollowEachOtherAsOneRange) {
  const std::vector<SlotMove> moves = {
      {0, "a", "b"}, {1, "a", "b"}, {3, "a", "b"}, {5, "a", "b"}, {6, "a", "b"}};
  EXPECT_EQ(RangesOf(moves), "0-1 3-3 5-6");
  EXPECT_EQ(RangesOf({}), "");
}

TEST(RangeMover, ReadsWhatNodesSayInBothVersionsOfResp) {
  for (const char* head : {"*1\r\n*10\r\n", "*1\r\n%5\r\n"}) {
    const std::string text = std::string(head) +
                             "$4\r\nname\r\n$1\r\nn\r\n$9\r\noperation\r\n$6\r\nEXPORT\r\n"
                             "$5\r\nstate\r\n$6\r\nfailed\r\n$7\r\nmessage\r\n$3\r\nwhy\r\n"
                             "$8\r\nnew_word\r\n:7\r\n";
    const auto reply = protocol::ParseRespValue(text);
    ASSERT_TRUE(reply) << reply.error();
    const auto views = ReadMigrations(*reply);
    ASSERT_TRUE(views);
    ASSERT_EQ(views->size(), 1u);
    EXPECT_TRUE(views->front().is_export);
    EXPECT_TRUE(views->front().IsOver());
    EXPECT_TRUE(views->front().HasFailed());
    EXPECT_EQ(views->front().message, "why");
  }
}

TEST(RangeMover, RefusesOtherAnswers) {
  EXPECT_FALSE(ReadMigrations(*protocol::ParseRespValue("-ERR unknown subcommand\r\n")));
  EXPECT_FALSE(ReadMigrations(*protocol::ParseRespValue("*1\r\n*0\r\n")));
}

}  // namespace
}  // namespace slotway::proxy
