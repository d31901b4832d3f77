// SPDX-License-Identifier: Apache-2.0
#include "protocol/log_record_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

using LogStatus = LogRecordParser::Status;
using ::testing::ElementsAre;

TEST(LogRecordParserTest, EveryPrefixOfACommandIsIncomplete) {
  const std::string command = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n";
  LogRecordParser parser;
  for (std::size_t length = 0; length < command.size(); ++length) {
    EXPECT_EQ(parser.Parse(std::string_view(command).substr(0, length)), LogStatus::kIncomplete);
  }
  const std::string more = command + "*1";
  ASSERT_EQ(parser.Parse(more), LogStatus::kCommand);
  EXPECT_THAT(parser.Args(), ElementsAre("SET", "k", ""));
  EXPECT_EQ(parser.Consumed(), command.size());
}

TEST(LogRecordParserTest, NotesAreLines) {
  LogRecordParser parser;
  EXPECT_EQ(parser.Parse("#TS:1700000000\r"), LogStatus::kIncomplete);
  ASSERT_EQ(parser.Parse("#TS:1700000000\r\n*1"), LogStatus::kNote);
  EXPECT_EQ(parser.Consumed(), 16u);
  EXPECT_EQ(parser.Parse("#" + std::string(2000, 'x')), LogStatus::kBad);
}

TEST(LogRecordParserTest, NothingIsForgiven) {
  LogRecordParser parser;
  for (const char* bad : {"SET k v\r\n", "*0\r\n", "*-1\r\n", "*x\r\n", "*1\r$", "*1\r\n+OK\r\n",
                          "*1\r\n$-1\r\n", "*1\r\n$1\r\nabc", "*1\r\n$1\r\na\rx",
                          "*1\r\n$ 1\r\na\r\n", "*99999999999999999999999999", "*1\r\n$1\r\naX"}) {
    EXPECT_EQ(parser.Parse(bad), LogStatus::kBad) << bad;
  }
}

}  // namespace
}  // namespace slotway::protocol
