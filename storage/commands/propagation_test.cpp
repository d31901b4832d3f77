// SPDX-License-Identifier: Apache-2.0
// What is repeated of what was asked: as redis-server 7.0.15 has it in its append-only file, but
// for what is said beside a row.
#include "storage/commands/propagation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "storage/commands/command_runner.h"
#include "storage/commands/recording_feed.h"

namespace slotway::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PropagationTest : public ::testing::Test {
 protected:
  PropagationTest() {
    runner_.State().propagation.AddFeed(file_);
    runner_.State().propagation.AddFeed(replicas_);
    Do("select 0");
  }
  ~PropagationTest() override {
    runner_.State().propagation.RemoveFeed(file_);
    runner_.State().propagation.RemoveFeed(replicas_);
  }

  void Do(const std::string& request) {
    std::istringstream stream(request);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    runner_.Run(words);
  }
  // What the file gets of a request, without the SELECT that comes first.
  std::vector<std::string> Of(const std::string& request) {
    file_.Take();
    Do(request);
    std::vector<std::string> commands = file_.Take();
    std::erase(commands, "SELECT 0");
    return commands;
  }
  std::string Time(std::int64_t from_now_ms) {
    return std::to_string(runner_.State().now_ms + from_now_ms);
  }

  CommandRunner runner_;
  RecordingFeed file_{Audience::kFile};
  RecordingFeed replicas_{Audience::kReplicas};
};

TEST_F(PropagationTest, WhatChangesSomethingGoesAsItCame) {
  EXPECT_THAT(Of("set k v"), ElementsAre("set k v"));
  EXPECT_THAT(Of("SADD s a b"), ElementsAre("SADD s a b"));
  EXPECT_THAT(Of("sadd s a"), IsEmpty());
  EXPECT_THAT(Of("get k"), IsEmpty());
  EXPECT_THAT(Of("del nothing"), IsEmpty());
  EXPECT_THAT(Of("lpush k v"), IsEmpty());
  EXPECT_THAT(Of("set k v nx"), IsEmpty());
  EXPECT_THAT(Of("flushdb"), ElementsAre("flushdb"));
  EXPECT_THAT(Of("flushall async"), ElementsAre("flushall async"));
}

TEST_F(PropagationTest, TimesToLiveAreMoments) {
  EXPECT_THAT(Of("set k v ex 10"), ElementsAre("SET k v PXAT " + Time(10'000)));
  EXPECT_THAT(Of("set k w px 10 get xx"), ElementsAre("SET k w PXAT " + Time(10)));
  EXPECT_THAT(Of("set k v get keepttl"), ElementsAre("set k v keepttl"));
  EXPECT_THAT(Of("setex k 10 v"), ElementsAre("SET k v PXAT " + Time(10'000)));
  EXPECT_THAT(Of("psetex k 10 v"), ElementsAre("SET k v PXAT " + Time(10)));
  EXPECT_THAT(Of("expire k 10 lt"), IsEmpty());
  EXPECT_THAT(Of("expire k 10 gt"), ElementsAre("PEXPIREAT k " + Time(10'000) + " gt"));
  EXPECT_THAT(Of("getex k ex 20"), ElementsAre("PEXPIREAT k " + Time(20'000)));
  EXPECT_THAT(Of("getex k persist"), ElementsAre("PERSIST k"));
  EXPECT_THAT(Of("getex k persist"), IsEmpty());
  EXPECT_THAT(Of("getex k exat 1"), ElementsAre("DEL k"));
  Do("set k v");
  EXPECT_THAT(Of("expire k -1"), ElementsAre("DEL k"));
}

TEST_F(PropagationTest, WhatIsTakenIsNamed) {
  Do("set k v");
  EXPECT_THAT(Of("getset k w"), ElementsAre("SET k w"));
  EXPECT_THAT(Of("getdel k"), ElementsAre("DEL k"));
  Do("sadd s a");
  EXPECT_THAT(Of("spop s"), ElementsAre("SREM s a"));
  Do("sadd s a b");
  EXPECT_THAT(Of("spop s 2"), ElementsAre("DEL s"));
  Do("rpush l a b c d e f");
  EXPECT_THAT(Of("blpop none l 1"), ElementsAre("LPOP l"));
  EXPECT_THAT(Of("brpop l 1"), ElementsAre("RPOP l"));
  EXPECT_THAT(Of("lmpop 2 none l right count 2"), ElementsAre("RPOP l 2"));
  EXPECT_THAT(Of("blmove l l left right 1"), ElementsAre("LMOVE l l left right"));
  EXPECT_THAT(Of("brpoplpush l l 1"), ElementsAre("RPOPLPUSH l l"));
  EXPECT_THAT(Of("lpop l"), ElementsAre("lpop l"));
  Do("zadd z 1 a 2 b 3 c");
  EXPECT_THAT(Of("bzpopmax z 1"), ElementsAre("ZPOPMAX z"));
  EXPECT_THAT(Of("zmpop 1 z min count 5"), ElementsAre("ZPOPMIN z 2"));
}

TEST_F(PropagationTest, SumsOfFractionsAreValues) {
  EXPECT_THAT(Of("incrbyfloat n 1.5"), ElementsAre("SET n 1.5 KEEPTTL"));
  EXPECT_THAT(Of("hincrbyfloat h f 1.5"), ElementsAre("HSET h f 1.5"));
  EXPECT_THAT(Of("incrby i 3"), ElementsAre("incrby i 3"));
}

TEST_F(PropagationTest, StreamsAreExact) {
  const std::string id = Time(0) + "-0";
  EXPECT_THAT(Of("xadd x * f v"), ElementsAre("xadd x " + id + " f v"));
  EXPECT_THAT(Of("xadd x maxlen ~ 1 limit 10 9999999999999-* f v"),
              ElementsAre("xadd x maxlen = 2 9999999999999-0 f v"));
  EXPECT_THAT(Of("xtrim x maxlen = 1"), ElementsAre("xtrim x maxlen = 1"));
  EXPECT_THAT(Of("xtrim x maxlen ~ 1"), IsEmpty());
}

TEST_F(PropagationTest, ReadingForAGroupIsClaiming) {
  Do("xadd x 1-1 f v");
  EXPECT_THAT(Of("xgroup create x g 0"), ElementsAre("xgroup create x g 0"));
  const std::string claim = " 0 1-1 TIME " + Time(0) + " RETRYCOUNT ";
  // Redis leaves the consumer to the claim.
  EXPECT_THAT(Of("xreadgroup group g c streams x >"),
              ElementsAre("MULTI", "XGROUP CREATECONSUMER x g c",
                          "XCLAIM x g c" + claim + "1 FORCE JUSTID LASTID 1-1",
                          "XGROUP SETID x g 1-1 ENTRIESREAD 1", "EXEC"));
  EXPECT_THAT(Of("xreadgroup group g c streams x 0"), IsEmpty());
  EXPECT_THAT(Of("xclaim x g d 0 1-1 retrycount 7"),
              ElementsAre("MULTI", "XGROUP CREATECONSUMER x g d",
                          "XCLAIM x g d" + claim + "7 FORCE JUSTID LASTID 1-1", "EXEC"));
  Do("xdel x 1-1");
  EXPECT_THAT(Of("xautoclaim x g d 0 0"), ElementsAre("XACK x g 1-1"));
}

TEST_F(PropagationTest, WhatIsFoundDueGoesFirst) {
  Do("set k v px 5");
  runner_.Advance(10);
  EXPECT_THAT(Of("get k"), ElementsAre("DEL k"));
  Do("set k v px 5");
  runner_.Advance(10);
  EXPECT_THAT(Of("append k v"), ElementsAre("MULTI", "DEL k", "append k v", "EXEC"));
}

TEST_F(PropagationTest, WhatGoesByItselfIsNoTransaction) {
  Propagation& propagation = runner_.State().propagation;
  file_.Take();
  propagation.AddDeletion(0, "a", false);
  propagation.AddDeletion(2, "b", true);
  propagation.EndUnits();
  EXPECT_THAT(file_.Take(), ElementsAre("SELECT 0", "DEL a", "SELECT 2", "UNLINK b"));
}

TEST_F(PropagationTest, MessagesAreForReplicas) {
  replicas_.Take();
  EXPECT_THAT(Of("publish c m"), IsEmpty());
  EXPECT_THAT(replicas_.Take(), ElementsAre("SELECT 0", "publish c m"));
}

TEST_F(PropagationTest, ItsAudienceCanBeLimited) {
  Propagation& propagation = runner_.State().propagation;
  replicas_.Take();
  propagation.Limit(Audience::kFile);
  EXPECT_THAT(Of("set a 1"), ElementsAre("set a 1"));
  EXPECT_THAT(replicas_.Take(), IsEmpty());
  EXPECT_THAT(Of("publish c m"), IsEmpty());
  EXPECT_THAT(replicas_.Take(), IsEmpty());
  propagation.Limit(Audience::kNobody);
  EXPECT_THAT(Of("set a 2"), IsEmpty());
  Do("set due v px 5");
  propagation.Limit(Audience::kAll);
  EXPECT_THAT(Of("set a 3"), ElementsAre("set a 3"));
}

TEST_F(PropagationTest, ANewReaderIsToldTheDatabase) {
  Do("set a 1");
  file_.Take();
  file_.SelectAnew();
  Do("set a 2");
  EXPECT_THAT(file_.Take(), ElementsAre("SELECT 0", "set a 2"));
}

}  // namespace
}  // namespace slotway::storage
