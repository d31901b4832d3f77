// SPDX-License-Identifier: Apache-2.0
// Scripts of a session against scripted shards: what is loaded, and when.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"
#include "runtime/sha1.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

// wire: what a test sees, byte for byte.
constexpr const char* kNoScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
constexpr const char* kText = "return_1";

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_), "c" in 7365 (x_).
class ScriptRoutingTest : public SessionFixture {
 protected:
  ScriptRoutingTest() : digest_(runtime::Sha1Hex(kText)) {}

  // A shard that has to be told the script; `is_known` is its memory.
  static FakeShard::Script Learning(bool& is_known) {
    return [&is_known](const Words& words) -> std::string {
      if (words[0] == "SCRIPT") is_known = true;
      if (words[0] != "EVALSHA") return std::string(FakeShard::kOk);
      return is_known ? ":1\r\n" : kNoScript;
    };
  }

  std::string digest_;
};

TEST_F(ScriptRoutingTest, WhatAClientHasShownIsLoadedAhead) {
  Begin();
  bool is_known = false;
  x_.Answer(Learning(is_known));
  std::string run = "EVALSHA " + digest_ + " 1 b";
  ExpectReply(std::string("EVAL ") + kText + " 1 a\r\n" + run + "\r\n" + run + "\r\nGET b\r\n",
              "+OK\r\n:1\r\n:1\r\n+OK\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre(std::string("SCRIPT LOAD ") + kText, run, run, "GET b"));
}

// Else the script would be missed behind its client's next request.
TEST_F(ScriptRoutingTest, WhatALoadingShardRefusedIsLoadedAnew) {
  Begin();
  bool is_known = false;
  int refused = 0;
  x_.Answer([&](const Words& words) -> std::string {
    if (++refused <= 2) return "-LOADING Redis is loading the dataset in memory\r\n";
    return Learning(is_known)(words);
  });
  dispatcher_->Scripts().Remember(kText);
  std::string load = std::string("SCRIPT LOAD ") + kText, run = "EVALSHA " + digest_ + " 1 b";
  ExpectReply(run + "\r\nINCR b\r\n", ":1\r\n+OK\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre(load, run, load, run, "INCR b"));
}

TEST_F(ScriptRoutingTest, WhatNobodyHasShownIsTheClientsAffair) {
  Begin();
  x_.Answer([](const Words&) { return kNoScript; });
  ExpectReply("EVALSHA " + digest_ + " 1 b\r\n", kNoScript);
  EXPECT_EQ(x_.Seen().size(), 1u);
}

TEST_F(ScriptRoutingTest, WhatIsShownLaterDoesNotHelpWhatWasAskedBefore) {
  Begin();
  bool is_known = false;
  x_.Answer(Learning(is_known));
  std::string run = "EVALSHA " + digest_ + " 1 b";
  ExpectReply(run + "\r\nEVAL " + kText + " 1 a\r\n" + run + "\r\n",
              std::string(kNoScript) + "+OK\r\n:1\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre(run, std::string("SCRIPT LOAD ") + kText, run));
}

TEST_F(ScriptRoutingTest, AShardThatForgotIsToldAgainAndNobodyOvertakes) {
  Begin();
  bool is_known = false;
  x_.Answer(Learning(is_known));
  dispatcher_->Scripts().Remember(kText);
  std::string run = "EVALSHA " + digest_ + " 1 b";
  auto client = Connect();
  client->Send(run + "\r\n");
  ASSERT_TRUE(Received(*client, ":1\r\n"));
  is_known = false;
  client->Send(run + "\r\n");
  ASSERT_TRUE(Received(*client, ":1\r\n"));
  EXPECT_THAT(x_.Seen(), ElementsAre(std::string("SCRIPT LOAD ") + kText, run, run,
                                     std::string("SCRIPT LOAD ") + kText, run));
}

TEST_F(ScriptRoutingTest, AShardThatNeverLearnsEndsInItsError) {
  settings_.retry.redirects_max = 3;
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "SCRIPT" ? "-NOPERM no\r\n" : kNoScript;
  });
  dispatcher_->Scripts().Remember(kText);
  ExpectReply("EVALSHA " + digest_ + " 1 b\r\nPING\r\n", std::string(kNoScript) + "+PONG\r\n");
}

TEST_F(ScriptRoutingTest, ANewOwnerIsToldToo) {
  Begin();
  bool is_known = false;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] == "SCRIPT") return "+OK\r\n";
    return (words[3] == "b" ? "-MOVED 3300 " : "-ASK 7365 ") + y_.Address() + "\r\n";
  });
  y_.Answer(Learning(is_known));
  dispatcher_->Scripts().Remember(kText);
  ExpectReply("EVALSHA " + digest_ + " 1 b\r\n", ":1\r\n");
  EXPECT_EQ(y_.Seen().front(), std::string("SCRIPT LOAD ") + kText);
  is_known = false;
  ExpectReply("EVALSHA " + digest_ + " 1 c\r\n", ":1\r\n");
}

TEST_F(ScriptRoutingTest, ATransactionTellsThemAllBefore) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    if (words[0] == "EXEC") return "*1\r\n:1\r\n";
    return words[0] == "EVALSHA" ? "+QUEUED\r\n" : "+OK\r\n";
  });
  dispatcher_->Scripts().Remember(kText);
  ExpectReply("MULTI\r\nEVALSHA " + digest_ + " 1 b\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  EXPECT_EQ(x_.Seen().front(), std::string("SCRIPT LOAD ") + kText);
  EXPECT_EQ(x_.Seen()[1], "MULTI");
}

TEST_F(ScriptRoutingTest, WhatTheShardDoesNotTakeIsNotRemembered) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "EVAL" ? "-ERR Error compiling script (new function): no\r\n" : "+OK\r\n";
  });
  ExpectReply(std::string("EVAL ") + kText + " 1 b\r\n",
              "-ERR Error compiling script (new function): no\r\n");
  EXPECT_EQ(dispatcher_->Scripts().Find(digest_), nullptr);
  x_.Answer([](const Words&) { return "-ERR that is wrong\r\n"; });
  y_.Answer([](const Words&) { return "-ERR that is wrong\r\n"; });
  for (const char* keys : {"x b", "9 b", "-1 b"}) {
    ExpectReply(std::string("EVAL ") + kText + " " + keys + "\r\n", "-ERR that is wrong\r\n");
    EXPECT_EQ(dispatcher_->Scripts().Find(digest_), nullptr) << keys;
  }
  ExpectReply(std::string("EVAL ") + kText + " 1 b\r\n", "-ERR that is wrong\r\n");
  EXPECT_NE(dispatcher_->Scripts().Find(digest_), nullptr) << "its own error is no refusal";
}

TEST_F(ScriptRoutingTest, ATransactionsScriptIsRememberedWhenItHasRun) {
  Begin();
  std::string result = "*1\r\n-ERR Error compiling script (new function): no\r\n";
  x_.Answer([&result](const Words& words) -> std::string {
    if (words[0] == "EXEC") return result;
    return words[0] == "EVAL" ? "+QUEUED\r\n" : "+OK\r\n";
  });
  std::string queue = std::string("MULTI\r\nEVAL ") + kText + " 1 b\r\n";
  ExpectReply(queue + "DISCARD\r\n", "+OK\r\n+QUEUED\r\n+OK\r\n");
  EXPECT_EQ(dispatcher_->Scripts().Find(digest_), nullptr);
  ExpectReply(queue + "EXEC\r\n", "+OK\r\n+QUEUED\r\n" + result);
  EXPECT_EQ(dispatcher_->Scripts().Find(digest_), nullptr);
  result = "*1\r\n:1\r\n";
  ExpectReply(queue + "EXEC\r\n", "+OK\r\n+QUEUED\r\n" + result);
  EXPECT_NE(dispatcher_->Scripts().Find(digest_), nullptr);
}

TEST_F(ScriptRoutingTest, ScriptCommandsAskAllMasters) {
  Begin();
  auto answers = [this](bool is_busy, bool is_known) {
    return [=, this](const Words& words) -> std::string {
      if (words[1] == "LOAD") return "$40\r\n" + digest_ + "\r\n";
      if (words[1] == "EXISTS") return is_known ? "*2\r\n:1\r\n:1\r\n" : "*2\r\n:0\r\n:1\r\n";
      if (words[1] == "KILL") return is_busy ? "-UNKILLABLE no\r\n" : "-NOTBUSY no\r\n";
      return "+OK\r\n";
    };
  };
  x_.Answer(answers(false, false));
  y_.Answer(answers(true, true));
  ExpectReply("SCRIPT EXISTS " + digest_ + " x\r\n", "*2\r\n:0\r\n:1\r\n");
  ExpectReply(std::string("SCRIPT LOAD ") + kText + "\r\n", "$40\r\n" + digest_ + "\r\n");
  EXPECT_NE(dispatcher_->Scripts().Find(digest_), nullptr);
  ExpectReply("SCRIPT EXISTS " + digest_ + " x\r\n", "*2\r\n:1\r\n:1\r\n");
  ExpectReply("SCRIPT KILL\r\n", "-UNKILLABLE no\r\n");
  ExpectReply("SCRIPT FLUSH\r\n", "+OK\r\n");
  EXPECT_EQ(dispatcher_->Scripts().Find(digest_), nullptr);
  ExpectReply("SCRIPT DEBUG YES\r\n",
              "-ERR SCRIPT DEBUG stops a whole shard: debug scripts on a server of your own\r\n");
  ExpectReply("FUNCTION LIST\r\n", "+OK\r\n");
  EXPECT_EQ(x_.Seen().size(), 6u);
  EXPECT_EQ(y_.Seen().size(), 5u);
}

}  // namespace
}  // namespace slotway::proxy
