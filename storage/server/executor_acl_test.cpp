// SPDX-License-Identifier: Apache-2.0
// What users may not do, through the executor's checks; texts are those of redis-server 7.0.15.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/acl_access.h"
#include "storage/commands/acl_changes.h"
#include "storage/server/executor_fixture.h"

namespace slotway::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string NoCommand(const std::string& name) {
  return "-NOPERM this user has no permissions to run the '" + name + "' command\r\n";
}
constexpr std::string_view kNoKey =
    "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
constexpr std::string_view kNoChannel =
    "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";

class ExecutorAclTest : public ExecutorFixture {
 protected:
  ExecutorAclTest() {
    runner_.State().close_client = [this](std::uint64_t id) { closed_.push_back(id); };
    BecomeDefaultUser(runner_.State(), runner_.Client());
    BecomeDefaultUser(runner_.State(), alice_);
  }
  ~ExecutorAclTest() override { runner_.State().pubsub.LeaveAll(alice_); }

  std::string Admin(const std::vector<std::string>& request) {
    return Send(runner_.Client(), request);
  }
  std::string Alice(const std::vector<std::string>& request) { return Send(alice_, request); }
  // As admin: the rules of alice, and alice logged in.
  void LogInWith(std::vector<std::string> rules) {
    std::vector<std::string> request = {"acl", "setuser", "alice", "reset", "on", ">p"};
    request.insert(request.end(), rules.begin(), rules.end());
    ASSERT_EQ(Admin(request), kOk);
    ASSERT_EQ(Alice({"auth", "alice", "p"}), kOk);
  }

  ClientState& alice_ = other_;
  std::vector<std::uint64_t> closed_;
};

TEST_F(ExecutorAclTest, RefusesWhatTheRulesDoNotAllow) {
  LogInWith({"+get", "+publish", "~a*", "&c*"});
  EXPECT_EQ(Alice({"get", "a1"}), "$-1\r\n");
  EXPECT_EQ(Alice({"get", "b1"}), kNoKey);
  EXPECT_EQ(Alice({"set", "a1", "v"}), NoCommand("set"));
  EXPECT_EQ(Alice({"config", "get", "x"}), NoCommand("config|get"));
  EXPECT_EQ(Alice({"publish", "c1", "m"}), ":0\r\n");
  EXPECT_EQ(Alice({"publish", "x", "m"}), kNoChannel);
  EXPECT_EQ(runner_.State().stats.denied_commands, 2u);
  EXPECT_EQ(runner_.State().stats.denied_keys, 1u);
  EXPECT_EQ(runner_.State().stats.denied_channels, 1u);
  // Arity and unknown commands come before.
  EXPECT_THAT(Alice({"set", "a1"}), HasSubstr("wrong number of arguments"));
  EXPECT_THAT(Alice({"nosuch"}), HasSubstr("unknown command"));
}

TEST_F(ExecutorAclTest, ChangedRulesCountAtOnce) {
  LogInWith({"+@all", "~*", "&*"});
  EXPECT_FALSE(alice_.is_restricted);
  EXPECT_EQ(Admin({"acl", "setuser", "alice", "-set"}), kOk);
  EXPECT_TRUE(alice_.is_restricted);
  EXPECT_EQ(Alice({"set", "k", "v"}), NoCommand("set"));
  EXPECT_EQ(Admin({"acl", "setuser", "alice", "+set"}), kOk);
  EXPECT_FALSE(alice_.is_restricted);
}

TEST_F(ExecutorAclTest, ATransactionIsCheckedTwice) {
  LogInWith({"+@all", "~*", "-set"});
  Alice({"multi"});
  EXPECT_EQ(Alice({"set", "k", "v"}), NoCommand("set"));
  EXPECT_EQ(Alice({"exec"}), "-EXECABORT Transaction discarded because of previous errors.\r\n");

  Alice({"multi"});
  EXPECT_EQ(Alice({"incr", "k"}), "+QUEUED\r\n");
  EXPECT_EQ(Alice({"incr", "k"}), "+QUEUED\r\n");
  Admin({"acl", "setuser", "alice", "-incr"});
  const std::string refusal =
      "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
      "call. This command is no longer allowed for the following reason: no permission to execute "
      "the command or subcommand\r\n";
  EXPECT_EQ(Alice({"exec"}), "*2\r\n" + refusal + refusal);
  EXPECT_EQ(Admin({"get", "k"}), "$-1\r\n");
}

TEST_F(ExecutorAclTest, AnotherUserInTheMiddleOfATransaction) {
  LogInWith({"+@all", "~*"});
  Admin({"acl", "setuser", "bob", "on", ">p", "+multi", "+exec"});
  Alice({"multi"});
  Alice({"auth", "bob", "p"});  // queued
  EXPECT_EQ(Alice({"set", "k", "v"}), "+QUEUED\r\n");
  EXPECT_THAT(Alice({"exec"}), StartsWith("*2\r\n+OK\r\n-NOPERM ACLs rules changed"));
  EXPECT_EQ(Admin({"get", "k"}), "$-1\r\n");
}

TEST_F(ExecutorAclTest, WhoHasNotLoggedInMayOnlyDoThat) {
  ASSERT_EQ(Admin({"config", "set", "requirepass", "p"}), kOk);
  ApplyDefaultPassword(runner_.State());
  ClientState fresh;
  BecomeDefaultUser(runner_.State(), fresh);
  EXPECT_THAT(Send(fresh, {"get", "k"}), StartsWith("-NOAUTH"));
  EXPECT_THAT(Send(fresh, {"auth", "wrong"}), StartsWith("-WRONGPASS"));
  EXPECT_EQ(Send(fresh, {"auth", "p"}), kOk);
  EXPECT_EQ(Send(fresh, {"get", "k"}), "$-1\r\n");
  EXPECT_FALSE(fresh.is_restricted);
  EXPECT_EQ(Send(fresh, {"reset"}), "+RESET\r\n");
  EXPECT_THAT(Send(fresh, {"get", "k"}), StartsWith("-NOAUTH"));
  Admin({"acl", "setuser", "default", "nopass"});
  EXPECT_EQ(Send(fresh, {"get", "k"}), "$-1\r\n");
}

TEST_F(ExecutorAclTest, AUserThatIsRemovedIsCutOff) {
  LogInWith({"+@all", "~*"});
  EXPECT_EQ(Admin({"acl", "deluser", "alice", "nosuch"}), ":1\r\n");
  EXPECT_EQ(closed_, std::vector<std::uint64_t>{7});
  EXPECT_FALSE(alice_.is_authenticated);
  EXPECT_EQ(Admin({"acl", "deluser", "default"}), "-ERR The 'default' user cannot be removed\r\n");
}

TEST_F(ExecutorAclTest, WhoRemovesItselfIsAnsweredFirst) {
  LogInWith({"+@all", "~*"});
  EXPECT_EQ(Alice({"acl", "deluser", "alice"}), ":1\r\n");
  EXPECT_TRUE(alice_.closes_after_reply);
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ExecutorAclTest, WhoMayNoLongerListenIsCutOff) {
  LogInWith({"+@all", "&c*"});
  Alice({"subscribe", "c1"});
  Admin({"acl", "setuser", "alice", "resetchannels", "&c1"});
  EXPECT_TRUE(closed_.empty());
  Admin({"acl", "setuser", "alice", "resetchannels", "&c2"});
  EXPECT_EQ(closed_, std::vector<std::uint64_t>{7});
  EXPECT_TRUE(runner_.State().pubsub.IsEmpty());
}

TEST_F(ExecutorAclTest, SortReadsOtherKeysOnlyWithLeave) {
  LogInWith({"+@all", "%R~l", "%W~*"});
  Admin({"rpush", "l", "1", "2"});
  EXPECT_EQ(Alice({"sort", "l"}), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  EXPECT_EQ(Alice({"sort", "l", "by", "w*"}),
            "-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n");
  EXPECT_EQ(Alice({"sort_ro", "l", "get", "w*"}),
            "-ERR GET option of SORT denied due to insufficient ACL permissions.\r\n");
  EXPECT_EQ(Alice({"sort", "l", "by", "nosort"}), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  Admin({"acl", "setuser", "alice", "%R~*"});
  EXPECT_EQ(Alice({"sort", "l", "get", "w*"}), "*2\r\n$-1\r\n$-1\r\n");
}

TEST_F(ExecutorAclTest, TheLogTellsWhatWasRefused) {
  LogInWith({"+@all", "~a"});
  Alice({"get", "b"});
  Alice({"get", "b"});
  Alice({"auth", "mallory", "x"});
  const auto& entries = runner_.State().acl_log.Entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].event.user, "mallory");
  EXPECT_EQ(entries[0].event.object, "auth");
  EXPECT_EQ(entries[1].event.object, "b");
  EXPECT_EQ(entries[1].count, 2u);
  EXPECT_THAT(entries[1].event.client, HasSubstr("cmd=get user=alice"));
  EXPECT_THAT(Admin({"acl", "log", "1"}), StartsWith("*1\r\n*20\r\n$5\r\ncount\r\n:1\r\n"));
  EXPECT_EQ(Admin({"acl", "log", "reset"}), kOk);
  EXPECT_EQ(Admin({"acl", "log"}), "*0\r\n");
}

}  // namespace
}  // namespace slotway::storage
