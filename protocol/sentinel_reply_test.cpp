// SPDX-License-Identifier: Apache-2.0
#include "protocol/sentinel_reply.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

RespValue Bulk(std::string text) {
  RespValue value;
  value.kind = RespValue::Kind::kBulk;
  value.text = std::move(text);
  return value;
}

RespValue Array(std::vector<RespValue> elements) {
  RespValue value;
  value.kind = RespValue::Kind::kArray;
  value.elements = std::move(elements);
  return value;
}

RespValue Node(const std::string& host, int port) {
  return Array({Bulk("name"), Bulk("x"), Bulk("ip"), Bulk(host), Bulk("port"),
                Bulk(std::to_string(port)), Bulk("flags"), Bulk("slave")});
}

std::vector<RespValue> Replies(const std::string& epoch = "7") {
  return {Array({Bulk("10.0.0.1"), Bulk("6379")}),
          Array({Bulk("name"), Bulk("mymaster"), Bulk("config-epoch"), Bulk(epoch)}),
          Array({Node("10.0.0.2", 6379), Node("fd00::3", 6380)}), Array({Node("10.0.0.9", 26379)})};
}

TEST(SentinelReply, ReadsAView) {
  const auto view = ParseSentinelView(Replies());
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(view->master, (Endpoint{"10.0.0.1", 6379}));
  EXPECT_EQ(view->config_epoch, 7u);
  ASSERT_EQ(view->replicas.size(), 2u);
  EXPECT_EQ(view->replicas[1], (Endpoint{"fd00::3", 6380}));
  ASSERT_EQ(view->sentinels.size(), 1u);
  EXPECT_EQ(view->sentinels[0].port, 26379);
}

TEST(SentinelReply, ReadsTheMapsOfResp3) {
  auto replies = Replies();
  replies[1].kind = RespValue::Kind::kMap;
  for (auto& entry : replies[2].elements) entry.kind = RespValue::Kind::kMap;
  const auto view = ParseSentinelView(replies);
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(view->replicas.size(), 2u);
}

TEST(SentinelReply, LeavesOutEntriesWithoutAnAddress) {
  auto replies = Replies();
  replies[2].elements.push_back(Node("", 1));
  replies[2].elements.push_back(Node("10.0.0.4", 0));
  replies[2].elements.push_back(Array({Bulk("ip")}));
  EXPECT_EQ(ParseSentinelView(replies)->replicas.size(), 2u);
}

TEST(SentinelReply, TakesNoMoreThanItsBound) {
  auto replies = Replies();
  replies[2].elements.assign(5000, Node("10.0.0.4", 1));
  EXPECT_EQ(ParseSentinelView(replies)->replicas.size(), 1024u);
}

TEST(SentinelReply, RefusesWhatIsNoView) {
  for (std::size_t missing = 0; missing < 4; ++missing) {
    auto replies = Replies();
    replies[missing] = RespValue();
    EXPECT_FALSE(ParseSentinelView(replies)) << missing;
    replies[missing] = Bulk("text");
    EXPECT_FALSE(ParseSentinelView(replies)) << missing;
    replies.erase(replies.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_FALSE(ParseSentinelView(replies)) << missing;
  }
  for (std::string_view epoch : {"", "-1", "7x", "99999999999999999999"}) {
    EXPECT_FALSE(ParseSentinelView(Replies(std::string(epoch)))) << epoch;
  }
  for (auto address : {Array({}), Array({Bulk("10.0.0.1")}), Array({Bulk("a b"), Bulk("1")}),
                       Array({Bulk("10.0.0.1"), Bulk("x")}), Array({Array({}), Bulk("1")})}) {
    auto replies = Replies();
    replies[0] = address;
    EXPECT_FALSE(ParseSentinelView(replies));
  }
  auto replies = Replies();
  replies[3].elements[0] = Bulk("text");
  EXPECT_FALSE(ParseSentinelView(replies));
}

SentinelView View(std::uint16_t port, std::uint64_t epoch) {
  return {{"10.0.0.1", port}, epoch, {}, {}};
}

TEST(SentinelReply, TheHighestEpochWins) {
  const std::vector<SentinelView> views = {View(1, 3), View(1, 3), View(2, 4)};
  EXPECT_EQ(ChooseSentinelView(views, 0, 3), &views[2]);
  EXPECT_EQ(ChooseSentinelView({}, 0, 3), nullptr);
}

TEST(SentinelReply, OfOneEpochTheMajorityWins) {
  const std::vector<SentinelView> views = {View(1, 4), View(2, 4), View(2, 4)};
  EXPECT_EQ(ChooseSentinelView(views, 4, 3)->master.port, 2);
}

TEST(SentinelReply, AnOldViewCountsOnlyIfMostHaveIt) {
  const std::vector<SentinelView> one = {View(1, 3)};
  EXPECT_EQ(ChooseSentinelView(one, 4, 3), nullptr);
  EXPECT_NE(ChooseSentinelView(one, 3, 3), nullptr);
  const std::vector<SentinelView> two = {View(1, 0), View(1, 0)};
  EXPECT_NE(ChooseSentinelView(two, 4, 3), nullptr);
  EXPECT_EQ(ChooseSentinelView(two, 4, 4), nullptr);
}

TEST(SentinelReply, KnowsWhichMasterAFailoverIsAbout) {
  using enum FailoverNews;
  struct Case {
    std::string_view channel, payload;
    FailoverNews news;
  };
  constexpr std::string_view kBegins = "+failover-state-send-slaveof-noone";
  constexpr std::string_view kAborted = "-failover-abort-slave-timeout";
  for (const Case& one : std::vector<Case>{
           {"+switch-master", "mymaster 10.0.0.1 1 10.0.0.2 2", kPromotionEnds},
           {"+switch-master", "mymaster2 10.0.0.1 1 10.0.0.2 2", kNone},
           {"+switch-master", "mymaster", kNone},
           {"+switch-master", "", kNone},
           {kBegins, "slave 10.0.0.2:2 10.0.0.2 2 @ mymaster 10.0.0.1 1", kPromotionBegins},
           {kBegins, "slave 10.0.0.2:2 10.0.0.2 2 @ mymaster2 10.0.0.1 1", kNone},
           {kBegins, "slave mymaster 10.0.0.2 2", kNone},
           {kBegins, " @ ", kNone},
           {"+promoted-slave", "slave 10.0.0.2:2 10.0.0.2 2 @ mymaster 10.0.0.1 1", kPromotionEnds},
           {kAborted, "master mymaster 10.0.0.1 1", kPromotionEnds},
           {kAborted, "master other 10.0.0.1 1", kNone},
           {"+sdown", "master mymaster 10.0.0.1 1", kNone}}) {
    SCOPED_TRACE(one.payload);
    EXPECT_EQ(ParseFailoverNews(one.channel, one.payload, "mymaster"), one.news);
  }
  for (const std::string& channel : FailoverChannels()) {
    EXPECT_NE(
        ParseFailoverNews(channel, channel == "+switch-master" ? "m 1 2 3 4" : "master m 1 2", "m"),
        kNone);
  }
}

}  // namespace
}  // namespace slotway::protocol
