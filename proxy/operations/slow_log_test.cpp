// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/slow_log.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;

struct Seen {
  std::int64_t id, time, microseconds;
  const char* words;
};

std::string Log(std::vector<Seen> entries, const char* name = "slotway") {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::RespWriter<protocol::StringSink> writer(sink, protocol::RespVersion::kResp2);
  writer.Array(entries.size());
  for (const Seen& entry : entries) {
    writer.Array(6);
    writer.Integer(entry.id);
    writer.Integer(entry.time);
    writer.Integer(entry.microseconds);
    std::istringstream text(entry.words);
    std::vector<std::string> words;
    for (std::string word; text >> word;) {
      std::replace(word.begin(), word.end(), '~', ' ');
      words.push_back(word);
    }
    writer.Array(words.size());
    for (const std::string& word : words) writer.Bulk(word);
    writer.Bulk("127.0.0.1:1");
    writer.Bulk(name);
  }
  return bytes;
}

struct Told {
  std::int64_t id = 0, time = 0, microseconds = 0;
  std::string words;
};

std::vector<Told> Join(const std::vector<std::string>& logs,
                       std::optional<std::size_t> asked = std::nullopt) {
  std::vector<Told> all;
  for (const std::string& bytes : JoinSlowLogs(logs, asked)) {
    auto value = protocol::ParseRespValue(bytes);
    if (!value || value->elements.size() != 6) continue;
    Told& told = all.emplace_back();
    told.id = value->elements[0].integer;
    told.time = value->elements[1].integer;
    told.microseconds = value->elements[2].integer;
    for (const auto& word : value->elements[3].elements) {
      told.words += (told.words.empty() ? "" : " ") + word.text;
    }
  }
  return all;
}

std::vector<std::string> WordsOf(const std::vector<Told>& all) {
  std::vector<std::string> words;
  for (const Told& told : all) words.push_back(told.words);
  return words;
}

TEST(SlowLog, OneShardsLogStaysAsItIs) {
  auto all = Join({Log({{7, 100, 30, "flushall"}, {6, 100, 20, "flushall"}})});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, 7);
  EXPECT_EQ(all[1].id, 6);
}

TEST(SlowLog, WhereProxiesKeepUsersIsNotShown) {
  // A log cuts what is long.
  const std::string load =
      "FUNCTION LOAD REPLACE #!lua~name=slotway_users_00000000000000000001--75736572...";
  const std::string log =
      Log({{2, 101, 30, load.c_str()}, {1, 100, 20, "function load #!lua~name=mine"}});
  const auto shown =
      ElementsAre("FUNCTION LOAD REPLACE (redacted)", "function load #!lua name=mine");
  EXPECT_THAT(WordsOf(Join({log})), shown);
  EXPECT_THAT(WordsOf(Join({log, log})), shown);
  EXPECT_THAT(WordsOf(Join({log, Log({})})), shown);
}

TEST(SlowLog, TheConnectionsOfOneProxyAreOneAsker) {
  auto all = Join({Log({{5, 100, 30, "debug sleep 0"}}, "slotway-1f2e3d4c-0-1#17"),
                   Log({{9, 100, 70, "debug sleep 0"}}, "slotway-1f2e3d4c-0-2#4")});
  EXPECT_EQ(all.size(), 1u);
  EXPECT_EQ(Join({Log({{5, 100, 30, "debug sleep 0"}}, "slotway-1f2e3d4c-0-1#17"),
                  Log({{9, 100, 70, "debug sleep 0"}}, "slotway-00000000-0-2#4")})
                .size(),
            2u);
}

TEST(SlowLog, ARequestToAllShardsIsOneEntryWithTheTimeOfTheSlowest) {
  auto all = Join({Log({{5, 100, 30, "debug sleep 0"}}), Log({{9, 101, 70, "debug sleep 0"}}),
                   Log({{1, 100, 50, "debug sleep 0"}})});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].microseconds, 70);
  EXPECT_EQ(all[0].time, 100);
}

TEST(SlowLog, WhatIsAskedAgainIsTwo) {
  auto all = Join({Log({{5, 100, 1, "flushall"}, {4, 100, 2, "flushall"}}),
                   Log({{9, 100, 1, "flushall"}, {8, 100, 2, "flushall"}})});
  EXPECT_THAT(WordsOf(all), ElementsAre("flushall", "flushall"));
  // Long after each other, or where one shard has forgotten its part.
  EXPECT_EQ(Join({Log({{5, 100, 1, "flushall"}}), Log({{9, 150, 1, "flushall"}})}).size(), 2u);
  EXPECT_EQ(Join({Log({{5, 100, 1, "flushall"}}),
                  Log({{9, 100, 1, "flushall"}, {8, 100, 2, "flushall"}})})
                .size(),
            2u);
}

TEST(SlowLog, WhatGoesToOneShardIsNotJoined) {
  for (const char* words : {"get key", "eval return 0", "time", "no.such command"}) {
    EXPECT_EQ(Join({Log({{5, 100, 1, words}}), Log({{5, 100, 1, words}})}).size(), 2u) << words;
  }
}

// Both shards' clocks are in the same second, and their ids say nothing of each other.
TEST(SlowLog, WhatGoesToAllShardsDividesASecond) {
  std::string one = Log({{12, 100, 1, "get after"}, {11, 100, 1, "slowlog reset"}});
  std::string other = Log({{901, 100, 1, "slowlog reset"}, {900, 100, 1, "get before"}});
  EXPECT_THAT(WordsOf(Join({one, other})), ElementsAre("get after", "slowlog reset", "get before"));
  EXPECT_THAT(WordsOf(Join({other, one})), ElementsAre("get after", "slowlog reset", "get before"));
}

TEST(SlowLog, WhatWasNotAskedForIsOlder) {
  std::string one = Log({{12, 100, 1, "get after"}});
  std::string other = Log({{901, 100, 1, "slowlog reset"}});
  EXPECT_THAT(WordsOf(Join({other, one}, 1)), ElementsAre("get after", "slowlog reset"));
}

TEST(SlowLog, ShardsThatHadRequestsInDifferentOrdersAreJoinedAllTheSame) {
  auto all = Join({Log({{2, 100, 1, "flushall"}, {1, 100, 1, "debug sleep 0"}}),
                   Log({{4, 100, 1, "debug sleep 0"}, {3, 100, 1, "flushall"}})});
  EXPECT_THAT(WordsOf(all), testing::UnorderedElementsAre("flushall", "debug sleep 0"));
}

TEST(SlowLog, IdsAreOneEachAndGrowWithTime) {
  std::vector<Seen> first = {{3, 102, 1, "get c"}, {2, 101, 1, "get b"}, {1, 101, 1, "get a"}};
  auto before = Join({Log(first), Log({{1, 100, 1, "get z"}})});
  std::set<std::int64_t> ids;
  for (std::size_t i = 0; i < before.size(); ++i) {
    ids.insert(before[i].id);
    if (i > 0 && before[i].time < before[i - 1].time) {
      EXPECT_LT(before[i].id, before[i - 1].id);
    }
  }
  EXPECT_EQ(ids.size(), 4u);
  // An entry keeps its id when others come.
  auto after = Join({Log(first), Log({{2, 103, 1, "get y"}, {1, 100, 1, "get z"}})});
  ASSERT_EQ(after.size(), 5u);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i + 1].id, before[i].id);
}

TEST(SlowLog, WhatIsNoLogIsPassedOver) {
  EXPECT_TRUE(Join({"+OK\r\n", "*1\r\n*2\r\n:1\r\n:2\r\n", "*1\r\n"}).empty());
}

}  // namespace
}  // namespace slotway::proxy
