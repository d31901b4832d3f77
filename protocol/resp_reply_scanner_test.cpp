// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_reply_scanner.h"

#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>

namespace slotway::protocol {
namespace {

using ScanStatus = RespReplyScanner::Status;

struct ScanOutcome {
  std::vector<std::string> replies;
  std::string types;
  bool is_malformed = false;

  bool operator==(const ScanOutcome&) const = default;
};

// Feeds `stream` in pieces that end at `cuts`; with `drop` the scanned bytes leave the buffer as
// soon as they may.
ScanOutcome FeedScanner(std::string_view stream, std::span<const std::size_t> cuts, bool drop) {
  RespReplyScanner scanner;
  ScanOutcome outcome;
  std::string dropped;
  std::size_t begin = 0;
  for (std::size_t cut : cuts) {
    while (true) {
      const std::string buffer(stream.substr(begin, cut - begin));
      const ScanStatus status = scanner.Scan(buffer);
      if (status == ScanStatus::kMalformed) {
        outcome.is_malformed = true;
        return outcome;
      }
      if (status == ScanStatus::kIncomplete) {
        EXPECT_LE(scanner.Scanned(), buffer.size());
        if (drop) {
          dropped += buffer.substr(0, scanner.Scanned());
          begin += scanner.Scanned();
          scanner.Drop();
        }
        break;
      }
      outcome.replies.push_back(dropped + buffer.substr(0, scanner.Consumed()));
      outcome.types += scanner.Type();
      dropped.clear();
      begin += scanner.Consumed();
    }
  }
  return outcome;
}

void CheckScan(std::string_view stream, const ScanOutcome& expected) {
  SCOPED_TRACE(testing::PrintToString(std::string(stream.substr(0, 200))));
  std::vector<std::size_t> every;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) every.push_back(cut);
  for (bool drop : {false, true}) {
    const std::size_t whole[] = {stream.size()};
    EXPECT_EQ(FeedScanner(stream, whole, drop), expected);
    EXPECT_EQ(FeedScanner(stream, every, drop), expected) << "byte by byte";
    for (std::size_t cut : every) {
      const std::size_t cuts[] = {cut, stream.size()};
      EXPECT_EQ(FeedScanner(stream, cuts, drop), expected) << "cut at " << cut << ", drop " << drop;
    }
  }
}

TEST(RespReplyScanner, FindsTheEndOfEveryType) {
  const std::string replies[] = {
      "+OK\r\n",
      "+\r\n",
      "+PONG\r\n",
      "+a\rb\nc\r\n",
      "-ERR something\r\n",
      ":1\r\n",
      ":-1234567890123456789\r\n",
      "$0\r\n\r\n",
      "$-1\r\n",
      "$5\r\nhello\r\n",
      "$4\r\n\r\n\r\n\r\n",
      "$16\r\n0123456789abcdef\r\n",
      "$300\r\n" + std::string(300, 'x') + "\r\n",
      "*0\r\n",
      "*-1\r\n",
      "*1\r\n$-1\r\n",
      "*3\r\n$1\r\na\r\n:1\r\n+x\r\n",
      "*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n*0\r\n*1\r\n$1\r\na\r\n",
      "_\r\n",
      "#t\r\n",
      ",3.5\r\n",
      "(12345678901234567890\r\n",
      "!9\r\nERR a\r\nbc\r\n",
      "=7\r\ntxt:abc\r\n",
      "%1\r\n+a\r\n%2\r\n:1\r\n:2\r\n:3\r\n*1\r\n:4\r\n",
      "~2\r\n:1\r\n:2\r\n",
      ">3\r\n+message\r\n$1\r\na\r\n$1\r\nb\r\n",
      "%0\r\n",
  };
  std::string stream;
  ScanOutcome all;
  for (const std::string& reply : replies) {
    CheckScan(reply, {{reply}, reply.substr(0, 1), false});
    stream += reply;
    all.replies.push_back(reply);
    all.types += reply[0];
  }
  CheckScan(stream, all);
}

TEST(RespReplyScanner, AttributesBelongToTheReplyBehindThem) {
  const std::pair<std::string, char> replies[] = {
      {"|1\r\n+ttl\r\n:5\r\n$1\r\na\r\n", '$'},
      {"|0\r\n:5\r\n", ':'},
      {"|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n|1\r\n+c\r\n+d\r\n*1\r\n+e\r\n", '*'},
      {"*2\r\n|1\r\n+ttl\r\n:5\r\n$1\r\na\r\n|1\r\n+ttl\r\n*1\r\n:5\r\n$1\r\nb\r\n", '*'},
  };
  for (const auto& [reply, type] : replies) {
    CheckScan(reply + "+OK\r\n", {{reply, "+OK\r\n"}, std::string{type, '+'}, false});
  }
}

TEST(RespReplyScanner, RefusesWhatCannotBeFollowed) {
  const std::string streams[] = {
      "x\r\n",
      "\r\n",
      "$x\r\n",
      "$-2\r\n",
      "$-\r\n",
      "$--1\r\n",
      "$\r\n",
      "$1 \r\na\r\n",
      "$?\r\n",
      "*?\r\n",
      "*-2\r\n",
      "|-1\r\n",
      "$1\r\nabc\r\n",
      "$1\rxa\r\n",
      "$1\r\na\rx",
      "$99999999999999999999999\r\n",
      "$0000000000000000000000000000000000000001\r\na\r\n",
      "*1\r\nx\r\n",
      ".\r\n",
  };
  for (const std::string& stream : streams) {
    SCOPED_TRACE(testing::PrintToString(stream));
    CheckScan(stream, {{}, "", true});
    CheckScan("+OK\r\n" + stream, {{"+OK\r\n"}, "+", true});
  }
}

TEST(RespReplyScanner, NestsDeepButNotWithoutEnd) {
  std::string deep;
  for (std::size_t i = 0; i < RespReplyScanner::kDepthMax; ++i) deep += "*1\r\n";
  RespReplyScanner scanner;
  ASSERT_EQ(scanner.Scan(deep + ":1\r\n"), ScanStatus::kReply);
  EXPECT_EQ(scanner.Consumed(), deep.size() + 4);
  EXPECT_EQ(scanner.Scan(deep + "*1\r\n:1\r\n"), ScanStatus::kMalformed);
}

TEST(RespReplyScanner, LargeBulkArrivesInPieces) {
  const std::size_t length = 64 * 1024 * 1024;
  const std::string reply =
      "$" + std::to_string(length) + "\r\n" + std::string(length, 'x') + "\r\n";
  RespReplyScanner scanner;
  for (std::size_t there = 0; there < reply.size(); there += 256) {
    ASSERT_EQ(scanner.Scan(std::string_view(reply).substr(0, there)), ScanStatus::kIncomplete);
  }
  ASSERT_EQ(scanner.Scan(reply), ScanStatus::kReply);
  EXPECT_EQ(scanner.Consumed(), reply.size());
}

}  // namespace
}  // namespace slotway::protocol
