// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_merger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/reply/in_flight.h"
#include "proxy/reply/reply_fixture.h"

namespace slotway::proxy {
namespace {

struct Case {
  const char* name;
  MergeRule rule;
  std::vector<std::string> parts;
  std::string expected;
};

const std::string kUnjoinable =
    "-ERR a shard gave a reply that cannot be joined with the others\r\n";

std::string Merge(const Case& c, bool backwards) {
  runtime::EventLoop loop;
  FakeClient client(loop);
  auto* merger = ReplyMerger::New(c.rule, client.queue, client.queue.Open(), c.parts.size());
  for (std::size_t i = 0; i < c.parts.size(); ++i) {
    std::size_t part = backwards ? c.parts.size() - 1 - i : i;
    merger->OnReply(part, c.parts[part]);
  }
  EXPECT_EQ(client.queue.Outstanding(), 0u);
  return client.Output();
}

TEST(ReplyMerger, EachRule) {
  const Case cases[] = {
      {"sum", MergeRule::kSum, {":1\r\n", ":2\r\n", ":-4\r\n"}, ":-1\r\n"},
      {"min", MergeRule::kMin, {":3\r\n", ":2\r\n"}, ":2\r\n"},
      {"max", MergeRule::kMax, {":3\r\n", ":2\r\n"}, ":3\r\n"},
      {"and", MergeRule::kLogicalAnd, {":1\r\n", ":0\r\n"}, ":0\r\n"},
      {"or", MergeRule::kLogicalOr, {":1\r\n", ":0\r\n"}, ":1\r\n"},
      {"and, element by element",
       MergeRule::kLogicalAnd,
       {"*2\r\n:1\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n"},
       "*2\r\n:0\r\n:1\r\n"},
      {"all succeeded", MergeRule::kAllSucceeded, {"+OK\r\n", "+OK\r\n"}, "+OK\r\n"},
      {"one failed", MergeRule::kAllSucceeded, {"+OK\r\n", "-ERR no\r\n"}, "-ERR no\r\n"},
      {"one is enough", MergeRule::kOneSucceeded, {"-NOTBUSY x\r\n", "+OK\r\n"}, "+OK\r\n"},
      {"all failed",
       MergeRule::kOneSucceeded,
       {"-NOTBUSY x\r\n", "-NOTBUSY x\r\n"},
       "-NOTBUSY x\r\n"},
      {"a sum with an error", MergeRule::kSum, {":1\r\n", "-ERR no\r\n"}, "-ERR no\r\n"},
      {"a sum of no number", MergeRule::kSum, {":1\r\n", "+OK\r\n"}, kUnjoinable},
      {"arrays of two lengths",
       MergeRule::kLogicalAnd,
       {"*1\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"},
       kUnjoinable},
      {"no array", MergeRule::kConcatenate, {"*0\r\n", ":1\r\n"}, kUnjoinable},
      {"empty arrays", MergeRule::kConcatenate, {"*0\r\n", "*0\r\n"}, "*0\r\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Merge(c, false), c.expected);
    EXPECT_EQ(Merge(c, true), c.expected);
  }
}

TEST(ReplyMerger, ArraysOneAfterTheOther) {
  Case c{"", MergeRule::kConcatenate, {"*1\r\n$1\r\na\r\n", "*2\r\n:1\r\n*1\r\n+x\r\n"}, ""};
  EXPECT_EQ(Merge(c, false), "*3\r\n$1\r\na\r\n:1\r\n*1\r\n+x\r\n");
}

TEST(ReplyMerger, ElementsInTheOrderOfKeys) {
  runtime::EventLoop loop;
  FakeClient client(loop);
  auto* merger = ReplyMerger::New(MergeRule::kByKeyOrder, client.queue, client.queue.Open(), 2);
  merger->Join().SetKeyPlaces(0, {0, 2});
  merger->Join().SetKeyPlaces(1, {1});
  merger->OnReply(1, "*1\r\n$-1\r\n");
  EXPECT_EQ(client.Output(), "");
  merger->OnReply(0, "*2\r\n$1\r\na\r\n$1\r\nc\r\n");
  EXPECT_EQ(client.Output(), "*3\r\n$1\r\na\r\n$-1\r\n$1\r\nc\r\n");
}

TEST(ReplyMerger, AMissingElementIsAnError) {
  runtime::EventLoop loop;
  FakeClient client(loop);
  auto* merger = ReplyMerger::New(MergeRule::kByKeyOrder, client.queue, client.queue.Open(), 1);
  merger->Join().SetKeyPlaces(0, {0, 1});
  merger->OnReply(0, "*1\r\n$1\r\na\r\n");
  EXPECT_EQ(client.Output(), kUnjoinable);
}

TEST(ReplyMerger, PartsAnswerThroughTheirInFlight) {
  runtime::EventLoop loop;
  FakeClient client(loop);
  client.queue.Deliver(client.queue.Open(), "before,");
  InFlight part;
  part.kind = InFlight::Kind::kPart;
  part.taker = ReplyMerger::New(MergeRule::kSum, client.queue, client.queue.Open(), 2);
  EXPECT_EQ(part.Sequence(), 1u);
  EXPECT_EQ(&part.Client(), &client.queue);
  part.is_held_back = true;
  client.queue.AddHeldBack();
  Answer(part, ":1\r\n");
  EXPECT_FALSE(client.queue.HasHeldBack());
  part.is_held_back = false;
  part.place = 1;
  AnswerError(part, "ERR broken\r\nline");
  EXPECT_EQ(client.Output(), "before,-ERR broken  line\r\n");
}

TEST(ReplyMerger, RulesOfPolicies) {
  using protocol::ResponsePolicy;
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kDefault, true), MergeRule::kByKeyOrder);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kDefault, false), MergeRule::kConcatenate);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAggSum, true), MergeRule::kSum);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAggMin, false), MergeRule::kMin);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAggMax, false), MergeRule::kMax);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAggLogicalAnd, false), MergeRule::kLogicalAnd);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAggLogicalOr, false), MergeRule::kLogicalOr);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kAllSucceeded, true), MergeRule::kAllSucceeded);
  EXPECT_EQ(MergeRuleOf(ResponsePolicy::kOneSucceeded, false), MergeRule::kOneSucceeded);
}

}  // namespace
}  // namespace slotway::proxy
