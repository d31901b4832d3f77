// SPDX-License-Identifier: Apache-2.0
// Commands that a session knows from the backend only.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_), "c" in 7365 (x_).
class LearnedRoutingTest : public SessionFixture {
 protected:
  void Learn() {
    // wire: what a server says to COMMAND.
    auto reply = protocol::ParseRespValue(
        "*3\r\n*6\r\n$7\r\nmod.get\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:-1\r\n:1\r\n"
        "*6\r\n$7\r\nmod.set\r\n:3\r\n*1\r\n+denyoom\r\n:1\r\n:1\r\n:1\r\n"
        "*6\r\n$8\r\nmod.info\r\n:1\r\n*1\r\n+readonly\r\n:0\r\n:0\r\n:0\r\n");
    ASSERT_TRUE(reply.has_value());
    // shared: as a worker's snapshot is.
    services_->learned = std::make_shared<const protocol::LearnedCommands>(*reply);
  }
};

TEST_F(LearnedRoutingTest, GoesByItsKeys) {
  Begin();
  int asked = 0;
  services_->request_commands = [&] { ++asked; };
  ExpectReply("MOD.GET a\r\n", "-ERR unknown command 'MOD.GET', with args beginning with: 'a' \r\n");
  EXPECT_EQ(asked, 1);
  Learn();
  ExpectReply("MOD.GET a\r\nmod.set b 1\r\nMOD.GET b {b}2\r\nMOD.INFO\r\n",
              "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("MOD.GET a"));
  EXPECT_THAT(x_.Seen(), ElementsAre("mod.set b 1", "MOD.GET b {b}2", "MOD.INFO"));
  ExpectReply("MOD.GET a b\r\n", "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
  ExpectReply("MOD.SET a\r\n", "-ERR wrong number of arguments for 'mod.set' command\r\n");
  ExpectReply("NOPE\r\n", "-ERR unknown command 'NOPE', with args beginning with: \r\n");
  EXPECT_EQ(asked, 2);
}

TEST_F(LearnedRoutingTest, CommandTellsOfIt) {
  Begin();
  Learn();
  std::string row =
      "*10\r\n$7\r\nmod.set\r\n:3\r\n*2\r\n+write\r\n+denyoom\r\n:1\r\n:1\r\n:1\r\n";
  ExpectReply("COMMAND GETKEYS MOD.GET a b\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  ExpectReply("COMMAND LIST FILTERBY PATTERN mod.*\r\n",
              "*3\r\n$7\r\nmod.get\r\n$8\r\nmod.info\r\n$7\r\nmod.set\r\n");
  ExpectReply("COMMAND COUNT\r\n",
              ":" + std::to_string(protocol::TopLevelCommands().size() + 3) + "\r\n");
  auto client = Connect();
  client->Send("COMMAND INFO mod.set\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.size() > row.size() + 4; }));
  EXPECT_TRUE(client->received.starts_with("*1\r\n" + row)) << client->received;
}

TEST_F(LearnedRoutingTest, ASubcommandGoesByItsOwnKeys) {
  Begin();
  // wire: what a server says to COMMAND.
  auto reply = protocol::ParseRespValue(
      "*1\r\n*10\r\n$7\r\nmod.box\r\n:-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*0\r\n"
      "*1\r\n*6\r\n$11\r\nmod.box|get\r\n:-3\r\n*1\r\n+readonly\r\n:2\r\n:2\r\n:1\r\n");
  ASSERT_TRUE(reply.has_value());
  // shared: as a worker's snapshot is.
  services_->learned = std::make_shared<const protocol::LearnedCommands>(*reply);
  ExpectReply("MOD.BOX GET a\r\nMOD.BOX get b\r\n", "+OK\r\n+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("MOD.BOX GET a"));
  EXPECT_THAT(x_.Seen(), ElementsAre("MOD.BOX get b"));
  ExpectReply("MOD.BOX get\r\n",
              "-ERR wrong number of arguments for 'mod.box|get' command\r\n");
  ExpectReply("MOD.BOX nope\r\n", "-ERR unknown subcommand 'nope'. Try MOD.BOX HELP.\r\n");
}

TEST_F(LearnedRoutingTest, IsAWriteUnlessItIsCalledARead) {
  Begin();
  Learn();
  bool is_lost = false;
  x_.Answer([&](const Words&) {
    is_lost = !is_lost;
    return std::string(is_lost ? FakeShard::kHangUp : FakeShard::kOk);
  });
  ExpectReply("MOD.GET b\r\n", "+OK\r\n");
  ExpectReply("MOD.SET b 1\r\n",
              "-OUTCOMEUNKNOWN The connection to the shard was lost after the command was sent: it "
              "may or may not have run\r\n");
}

TEST_F(LearnedRoutingTest, RulesHoldForWhatItsKeysAre) {
  settings_.auth.users = {"alice on nopass ~a* +@all", "half on nopass %R~a* +@all",
                          "reader on nopass ~* +@read", "most on nopass ~* +@all -get"};
  Begin();
  // wire: what a server says to COMMAND; the last one's keys are not all where it says.
  auto reply = protocol::ParseRespValue(
      "*4\r\n*6\r\n$7\r\nmod.get\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:-1\r\n:1\r\n"
      "*6\r\n$7\r\nmod.set\r\n:3\r\n*1\r\n+write\r\n:1\r\n:1\r\n:1\r\n"
      "*6\r\n$8\r\nmod.info\r\n:-1\r\n*1\r\n+readonly\r\n:0\r\n:0\r\n:0\r\n"
      "*6\r\n$8\r\nmod.eval\r\n:-2\r\n*2\r\n+write\r\n+movablekeys\r\n:1\r\n:1\r\n:1\r\n");
  ASSERT_TRUE(reply.has_value());
  // shared: as a worker's snapshot is.
  services_->learned = std::make_shared<const protocol::LearnedCommands>(*reply);
  const std::string no_key =
      "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
  ExpectReply("AUTH alice p\r\nMOD.GET a\r\nMOD.GET a b\r\nMOD.SET b 1\r\nmod.set b 1\r\n",
              "+OK\r\n+OK\r\n" + no_key + no_key + no_key);
  // Of these nobody can say what they touch.
  ExpectReply("AUTH alice p\r\nMOD.INFO\r\nMOD.INFO b\r\nMOD.EVAL a b\r\n",
              "+OK\r\n" + no_key + no_key + no_key);
  // Nor what is done to the keys.
  ExpectReply("AUTH half p\r\nMOD.SET a 1\r\nMOD.GET a\r\n", "+OK\r\n" + no_key + no_key);
  ExpectReply("AUTH alice p\r\nMULTI\r\nMOD.SET b 1\r\nEXEC\r\n",
              "+OK\r\n+OK\r\n" + no_key +
                  "-EXECABORT Transaction discarded because of previous errors.\r\n");
  ExpectReply("AUTH reader p\r\nMOD.GET a\r\n",
              "+OK\r\n-NOPERM this user has no permissions to run the 'mod.get' command\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre());
  EXPECT_THAT(y_.Seen(), ElementsAre("MOD.GET a"));
  ExpectReply("AUTH most p\r\nMOD.INFO\r\nMOD.EVAL a b\r\n", "+OK\r\n+OK\r\n+OK\r\n");
}

TEST_F(LearnedRoutingTest, RulesThatHaveChangedHoldForWhatWasQueued) {
  settings_.auth.users = {"alice on nopass ~a* +@all"};
  Begin();
  Learn();
  x_.Answer([](const Words& words) -> std::string {
    if (words[0] == "EXEC") return "*1\r\n+OK\r\n";
    return words[0] == "MULTI" ? "+OK\r\n" : "+QUEUED\r\n";
  });
  ExpectReply(
      "MULTI\r\nMOD.SET b 1\r\nAUTH alice p\r\nMOD.SET b 2\r\nEXEC\r\n",
      "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n"
      "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the "
      "EXEC call. This command is no longer allowed for the following reason: no permission "
      "to touch the specified keys\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("MULTI", "MOD.SET b 1", "EXEC"));
}

TEST_F(LearnedRoutingTest, StandsInTransactions) {
  Begin();
  Learn();
  x_.Answer([](const Words& words) -> std::string {
    if (words[0] == "EXEC") return "*2\r\n+OK\r\n+OK\r\n";
    return words[0] == "MULTI" ? "+OK\r\n" : "+QUEUED\r\n";
  });
  ExpectReply("MULTI\r\nMOD.SET b 1\r\nMOD.INFO\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
}

}  // namespace
}  // namespace slotway::proxy
