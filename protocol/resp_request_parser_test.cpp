// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_request_parser.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace slotway::protocol {
namespace {

using Status = RespRequestParser::Status;
using Request = std::vector<std::string>;
using std::string_literals::operator""s;

// What became of a stream: the requests before its end, and the error that ended it, if any.
struct Outcome {
  std::vector<Request> requests;
  std::string error;
  std::size_t bytes_consumed = 0;

  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  out << "error '" << outcome.error << "', consumed " << outcome.bytes_consumed << ", requests:";
  for (const Request& request : outcome.requests) {
    out << " (";
    for (const std::string& arg : request) out << " '" << arg << "'";
    out << " )";
  }
  return out;
}

// Feeds `stream` in pieces that end at `cuts`. Every call gets a fresh copy of the bytes, so that
// views or pointers kept across calls would be found by the sanitizers.
Outcome Feed(std::string_view stream, std::span<const std::size_t> cuts,
             const RequestLimits& limits) {
  RespRequestParser parser;
  parser.SetLimits(limits);
  Outcome outcome;
  for (std::size_t cut : cuts) {
    while (true) {
      const std::size_t begin = outcome.bytes_consumed;
      const std::vector<char> piece(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                                    stream.begin() + static_cast<std::ptrdiff_t>(cut));
      Status status = parser.Parse({piece.data(), piece.size()});
      if (status == Status::kError) {
        outcome.error = parser.ErrorText();
        return outcome;
      }
      if (status == Status::kIncomplete) {
        EXPECT_GT(parser.BytesMissing(), 0u);
        break;
      }
      EXPECT_GT(parser.Consumed(), 0u);
      EXPECT_LE(parser.Consumed(), piece.size());
      outcome.requests.emplace_back(parser.Args().begin(), parser.Args().end());
      outcome.bytes_consumed += parser.Consumed();
      if (outcome.bytes_consumed == cut) break;
    }
  }
  return outcome;
}

struct ParserCase {
  std::string stream;
  std::vector<Request> requests;
  std::string error = "";
  RequestLimits limits = {};
};

// Parsed whole, cut once at every byte, and byte by byte, a stream has the same outcome.
void Check(const ParserCase& test) {
  SCOPED_TRACE(testing::PrintToString(test.stream.substr(0, 200)));
  const std::size_t whole[] = {test.stream.size()};
  const Outcome outcome = Feed(test.stream, whole, test.limits);
  EXPECT_EQ(outcome.requests, test.requests);
  EXPECT_EQ(outcome.error, test.error);
  std::vector<std::size_t> every;
  for (std::size_t cut = 0; cut <= test.stream.size(); ++cut) {
    every.push_back(cut);
    const std::size_t cuts[] = {cut, test.stream.size()};
    if (test.stream.size() < 4096) {
      EXPECT_EQ(Feed(test.stream, cuts, test.limits), outcome) << "cut at " << cut;
    }
  }
  if (test.stream.size() < 4096) {
    EXPECT_EQ(Feed(test.stream, every, test.limits), outcome);
  }
}

std::string Error(std::string_view what) { return "ERR Protocol error: " + std::string(what); }

TEST(RespRequestParser, TakesArraysOfBulkStrings) {
  const std::string long_arg(1234, 'v');
  const ParserCase cases[] = {
      {"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", {{"GET", "k"}}},
      {"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}, {"PING"}}},
      {"*1\r\n$0\r\n\r\n", {{""}}},
      {"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$0\r\n\r\n", {{"SET", "", ""}}},
      {"*2\r\n$4\r\nECHO\r\n$16\r\n0123456789abcdef\r\n", {{"ECHO", "0123456789abcdef"}}},
      {"*2\r\n$4\r\nECHO\r\n$1234\r\n" + long_arg + "\r\n", {{"ECHO", long_arg}}},
      {"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\r\n\r\n", {{"ECHO", "\r\n\r\n"}}},
      {"*2\r\n$4\r\nECHO\r\n$3\r\na\0b\r\n"s, {{"ECHO", "a\0b"s}}},
      {"*0\r\n*1\r\n$4\r\nPING\r\n", {{}, {"PING"}}},
      {"*-1\r\n*1\r\n$4\r\nPING\r\n", {{}, {"PING"}}},
      {"*-7\r\n", {{}}},
      {"*12\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n"
       "$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$2\r\n10\r\n$2\r\n11\r\n",
       {{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}}},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, TrustsLengthsAsRedisDoes) {
  const ParserCase cases[] = {
      {"*1\rX$4\rYPINGzz*1\r\n$4\r\nPING\r\n", {{"PING"}, {"PING"}}},
      {"*2\r\r$3\r\rGET\r\r$1\r\rk\n\n", {{"GET", "k"}}},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, WaitsForTheRest) {
  const ParserCase cases[] = {
      {"", {}},
      {"*", {}},
      {"*2", {}},
      {"*2\r", {}},
      {"*2\r\n", {}},
      {"*2\r\n$", {}},
      {"*2\r\n$3\r\nGET\r\n$1\r\nk\r", {}},
      {"*1\r\n?", {}},
      {"*1\r\n?\r", {}},
      {"*1\r\n\0\r\n"s, {}},
      {"*1\0\r\n$4\r\nPING\r\n"s, {}},
      {"PING", {}},
      {"PI\0NG\r\n"s, {}},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, AnswersWithRedissErrors) {
  RequestLimits small;
  small.bulk_bytes_max = 5;
  const std::string line(70000, '1');
  const ParserCase cases[] = {
      {"*\r\n", {}, Error("invalid multibulk length")},
      {"*a\r\n", {}, Error("invalid multibulk length")},
      {"*+1\r\n", {}, Error("invalid multibulk length")},
      {"*01\r\n", {}, Error("invalid multibulk length")},
      {"*-0\r\n", {}, Error("invalid multibulk length")},
      {"*1 \r\n", {}, Error("invalid multibulk length")},
      {"*1\n$4\r\nPING\r\n", {}, Error("invalid multibulk length")},
      {"*2147483648\r\n", {}, Error("invalid multibulk length")},
      {"*9223372036854775808\r\n", {}, Error("invalid multibulk length")},
      {"*-9223372036854775809\r\n", {}, Error("invalid multibulk length")},
      {"*-9223372036854775808\r\n", {{}}},
      {"*1\r\nPING\r\n", {}, Error("expected '$', got 'P'")},
      {"*1\r\n\r\n", {}, Error("expected '$', got ' '")},
      {"*1\r\n\n$4\r\nPING\r\n", {}, Error("expected '$', got ' '")},
      {"*1\r\n*1\r\n", {}, Error("expected '$', got '*'")},
      {"*1\r\n$1\r\nabc\r\n", {{"a"}, {}}},
      {"*1\r\n$\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$-1\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$01\r\na\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$x\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$1x\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$536870913\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$99999999999999999999\r\n", {}, Error("invalid bulk length")},
      {"*1\r\n$6\r\nabcdef\r\n", {}, Error("invalid bulk length"), small},
      {"*1\r\n$5\r\nabcde\r\n", {{"abcde"}}, "", small},
      {"*2\r\n$5\r\nabcde\r\n$12\r\nabcdefghijkl\r\n", {}, Error("invalid bulk length"), small},
      {"PING\r\n*1\r\n$x\r\n", {{"PING"}}, Error("invalid bulk length")},
      {"*" + line, {}, Error("too big mbulk count string")},
      {"*1\r\n$" + line, {}, Error("too big bulk count string")},
      {"*1\r\n" + line, {}, Error("too big bulk count string")},
      {line, {}, Error("too big inline request")},
      {line + "\r\n", {}, Error("too big inline request")},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, LimitsClientsThatHaveNotAuthenticated) {
  std::string ten = "*10\r\n";
  for (int i = 0; i < 10; ++i) ten += "$1\r\na\r\n";
  const std::string fits(16384, 'x');
  const ParserCase cases[] = {
      {ten, {Request(10, "a")}, "", kUnauthenticatedLimits},
      {"*11\r\n", {}, Error("unauthenticated multibulk length"), kUnauthenticatedLimits},
      {"*2147483648\r\n", {}, Error("invalid multibulk length"), kUnauthenticatedLimits},
      {"*1\r\n$16384\r\n" + fits + "\r\n", {{fits}}, "", kUnauthenticatedLimits},
      {"*1\r\n$16385\r\n", {}, Error("unauthenticated bulk length"), kUnauthenticatedLimits},
      {"*1\r\n$536870913\r\n", {}, Error("invalid bulk length"), kUnauthenticatedLimits},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, TakesInlineCommands) {
  const ParserCase cases[] = {
      {"PING\r\n", {{"PING"}}},
      {"PING\n", {{"PING"}}},
      {"\r\n", {{}}},
      {"\n\n", {{}, {}}},
      {"  \t GET   key \r\n", {{"GET", "key"}}},
      {"a\vb\f c\r\n", {{"a\vb\f", "c"}}},
      {"\v\fa\r\n", {{"a"}}},
      {"a\r\r\n", {{"a"}}},
      {"a\rb\n", {{"a", "b"}}},
      {"SET k \"a b\"\r\n", {{"SET", "k", "a b"}}},
      {"SET k 'a b'\r\n", {{"SET", "k", "a b"}}},
      {"ECHO \"\\x41\\x7a\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n", {{"ECHO", "Az\n\r\t\b\a\\\"q"}}},
      {"ECHO \"\\x4\\xg1\\X41\"\r\n", {{"ECHO", "x4xg1X41"}}},
      {"ECHO \"\\x00\"\r\n", {{"ECHO", "\0"s}}},
      {"ECHO 'it\\'s \\n \\x41'\r\n", {{"ECHO", "it's \\n \\x41"}}},
      {"ECHO a\\nb\r\n", {{"ECHO", "a\\nb"}}},
      {"ECHO pre\"in side\"\r\n", {{"ECHO", "prein side"}}},
      {"ECHO \"\" ''\r\n", {{"ECHO", "", ""}}},
      {"ECHO \"a\"\vb\r\n", {{"ECHO", "a", "b"}}},
      {"1 2 3 4 5 6 7 8 9 10\r\n", {{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}}},
      {"ECHO \"a\r\n", {}, Error("unbalanced quotes in request")},
      {"ECHO \"a\\\r\n", {}, Error("unbalanced quotes in request")},
      {"ECHO 'a\r\n", {}, Error("unbalanced quotes in request")},
      {"ECHO \"a\"b\r\n", {}, Error("unbalanced quotes in request")},
      {"ECHO 'a'\"b\"\r\n", {}, Error("unbalanced quotes in request")},
      {"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", {{"PING"}, {"PING"}, {"PING"}}},
  };
  for (const ParserCase& test : cases) Check(test);
}

TEST(RespRequestParser, TellsInlineCommandsApart) {
  RespRequestParser parser;
  ASSERT_EQ(parser.Parse("PING\r\n"), Status::kRequest);
  EXPECT_TRUE(parser.IsInline());
  ASSERT_EQ(parser.Parse("*1\r\n$4\r\nPING\r\n"), Status::kRequest);
  EXPECT_FALSE(parser.IsInline());
}

TEST(RespRequestParser, ViewsPointIntoTheInput) {
  const std::string stream = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
  RespRequestParser parser;
  ASSERT_EQ(parser.Parse(stream), Status::kRequest);
  EXPECT_EQ(parser.Args()[0].data(), stream.data() + 8);
  EXPECT_EQ(parser.Args()[1].data(), stream.data() + 17);
}

TEST(RespRequestParser, SaysHowMuchIsMissing) {
  RespRequestParser parser;
  ASSERT_EQ(parser.Parse("*1\r\n$100\r\nabc"), Status::kIncomplete);
  EXPECT_EQ(parser.BytesMissing(), 99u);
}

TEST(RespRequestParser, TakesManyArguments) {
  for (std::size_t count : {63u, 64u, 65u, 1024u, 1025u, 200000u}) {
    std::string stream = "*" + std::to_string(count) + "\r\n";
    Request request;
    for (std::size_t i = 0; i < count; ++i) {
      request.push_back(std::to_string(i));
      stream += "$" + std::to_string(request[i].size()) + "\r\n" + request[i] + "\r\n";
    }
    RespRequestParser parser;
    for (int round = 0; round < 2; ++round) {
      ASSERT_EQ(parser.Parse(stream), Status::kRequest);
      EXPECT_EQ(parser.Consumed(), stream.size());
      EXPECT_EQ(Request(parser.Args().begin(), parser.Args().end()), request);
      ASSERT_EQ(parser.Parse("*1\r\n$1\r\na\r\n"), Status::kRequest);
      EXPECT_EQ(Request(parser.Args().begin(), parser.Args().end()), Request{"a"});
    }
  }
}

// Announced counts reserve nothing: 1048576 announced arguments cost no memory before they come.
TEST(RespRequestParser, LargeBulkArrivesInPieces) {
  const std::size_t length = 64 * 1024 * 1024;
  std::string stream = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(length) + "\r\n";
  const std::size_t payload = stream.size();
  stream.resize(payload + length, 'x');
  stream += "\r\n";
  RespRequestParser parser;
  std::size_t there = 0;
  std::size_t calls = 0;
  for (; there + 256 < stream.size(); there += 256) {
    ASSERT_EQ(parser.Parse(std::string_view(stream).substr(0, there)), Status::kIncomplete);
    ++calls;
  }
  ASSERT_EQ(parser.Parse(stream), Status::kRequest);
  EXPECT_GT(calls, 200000u);  // each looking at the whole payload would take hours
  EXPECT_EQ(parser.Args()[2].size(), length);
}

TEST(RespRequestParser, RandomCutsChangeNothing) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    std::vector<Request> requests;
    for (std::size_t n = random() % 6; n > 0; --n) {
      Request request(1 + random() % (random() % 8 == 0 ? 100 : 5));
      stream += "*" + std::to_string(request.size()) + "\r\n";
      for (std::string& arg : request) {
        arg.assign(random() % (random() % 8 == 0 ? 20000 : 20), static_cast<char>(random()));
        stream += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
      }
      requests.push_back(std::move(request));
    }
    std::vector<std::size_t> cuts = {stream.size()};
    for (std::size_t n = random() % 10; n > 0; --n) cuts.push_back(random() % (stream.size() + 1));
    std::sort(cuts.begin(), cuts.end());
    EXPECT_EQ(Feed(stream, cuts, {}), (Outcome{requests, "", stream.size()}));
  }
}

// Whether each request of a stream repeats the command of the one before.
std::string Repeats(std::string_view stream, RespRequestParser& parser) {
  std::string repeats;
  while (parser.Parse(stream) == Status::kRequest) {
    repeats += parser.RepeatsCommand() ? 'y' : 'n';
    stream.remove_prefix(parser.Consumed());
  }
  return repeats;
}

TEST(RespRequestParser, NoticesThatACommandIsRepeated) {
  RespRequestParser parser;
  const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  const std::string get_other = "*2\r\n$3\r\nGET\r\n$12\r\nabcdefghijkl\r\n";
  EXPECT_EQ(Repeats(get + get + get_other + get, parser), "nyyy");
  const std::string hget = "*3\r\n$4\r\nHGET\r\n$1\r\na\r\n$1\r\nb\r\n";
  EXPECT_EQ(Repeats(hget + hget + get + hget, parser), "nynn");
  // As long, but another count, another length, other letters.
  EXPECT_EQ(Repeats("*1\r\n$3\r\nGET\r\n" + get + "*2\r\n$3\r\nget\r\n$1\r\na\r\n" + get, parser),
            "nnnn");
  EXPECT_EQ(Repeats(get + "\r\n" + get + "GET a\r\n" + get, parser), "nnnnn");
  const std::string longer = "*2\r\n$11\r\nINCRBYFLOAT\r\n$1\r\na\r\n";
  const std::string in_the_middle = "*2\r\n$11\r\nINCxBYFLOAT\r\n$1\r\na\r\n";
  EXPECT_EQ(Repeats(longer + longer + in_the_middle + longer, parser), "nynn");
  const std::string too_long = "*2\r\n$20\r\nGEORADIUSBYMEMBER_RO\r\n$1\r\na\r\n";
  EXPECT_EQ(Repeats(too_long + too_long, parser), "nn");
  EXPECT_EQ(Repeats("*1\r\n$0\r\n\r\n*1\r\n$0\r\n\r\n", parser), "nn");
}

TEST(RespRequestParser, ARepeatedCommandIsHeldToTheLimitsOfNow) {
  RespRequestParser parser;
  const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  EXPECT_EQ(Repeats(get + get, parser), "ny");
  RequestLimits limits;
  limits.args_max = 1;
  parser.SetLimits(limits);
  ASSERT_EQ(parser.Parse(get), Status::kError);
  EXPECT_EQ(parser.ErrorText(), "ERR Protocol error: invalid multibulk length");
}

// What is not complete is not the last request, nor is what it was completed with.
TEST(RespRequestParser, ARepeatedCommandMayComeInPieces) {
  const std::string set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n";
  for (std::size_t cut = 1; cut < set.size(); ++cut) {
    RespRequestParser parser;
    ASSERT_EQ(parser.Parse(set), Status::kRequest);
    ASSERT_EQ(parser.Parse(std::string_view(set).substr(0, cut)), Status::kIncomplete) << cut;
    ASSERT_EQ(parser.Parse(set), Status::kRequest) << cut;
    ASSERT_EQ(parser.Args().size(), 3u);
    EXPECT_EQ(parser.Args()[0], "SET");
    EXPECT_EQ(parser.Args()[2], "b");
    EXPECT_EQ(Repeats(set + set, parser), "ny") << cut;
  }
}

}  // namespace
}  // namespace slotway::protocol
