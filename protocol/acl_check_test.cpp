// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_check.h"

#include <gtest/gtest.h>

#include "protocol/acl_test_context.h"
#include "protocol/acl_text.h"

namespace slotway::protocol {
namespace {

using Words = std::vector<std::string_view>;

AclUser UserWith(const Words& rules) {
  AclUser user("u", kContext);
  const auto applied = user.ApplyAll(rules, kContext);
  EXPECT_TRUE(applied) << applied.error();
  return user;
}

// "OK", or what ACL DRYRUN says.
std::string DryRun(const AclUser& user, const Words& request) {
  std::vector<KeyPosition> keys;
  const CommandSpec* spec = FindCommand(request);
  const AclVerdict verdict = CheckAcl(user, *spec, request, keys);
  return verdict.IsAllowed() ? "OK" : AclDryRunText(verdict, *spec, request);
}

std::string NoCommand(std::string_view name) {
  return "This user has no permissions to run the '" + std::string(name) + "' command";
}
std::string NoKey(std::string_view key) {
  return "This user has no permissions to access the '" + std::string(key) + "' key";
}
std::string NoChannel(std::string_view channel) {
  return "This user has no permissions to access the '" + std::string(channel) + "' channel";
}

TEST(AclCheck, Commands) {
  const AclUser user =
      UserWith({"~*", "+get", "+config|get", "+select|0", "-@admin", "+config|get"});
  EXPECT_EQ(DryRun(user, {"GET", "k"}), "OK");
  EXPECT_EQ(DryRun(user, {"set", "k", "v"}), NoCommand("set"));
  EXPECT_EQ(DryRun(user, {"config", "GET", "x"}), "OK");
  EXPECT_EQ(DryRun(user, {"config", "set", "x", "y"}), NoCommand("config|set"));
  EXPECT_EQ(DryRun(user, {"select", "0"}), "OK");
  EXPECT_EQ(DryRun(user, {"select", "1"}), NoCommand("select"));
  for (std::string_view always : {"auth", "hello", "reset", "quit"}) {
    EXPECT_EQ(DryRun(user, {always, "x"}), "OK") << always;
  }
}

TEST(AclCheck, KeysByWhatHappensToThem) {
  const AclUser user = UserWith({"+@all", "%R~r*", "%W~w*", "~rw*"});
  EXPECT_EQ(DryRun(user, {"get", "r1"}), "OK");
  EXPECT_EQ(DryRun(user, {"get", "w1"}), NoKey("w1"));
  EXPECT_EQ(DryRun(user, {"set", "w1", "v"}), "OK");
  EXPECT_EQ(DryRun(user, {"set", "w1", "v", "get"}), NoKey("w1"));
  EXPECT_EQ(DryRun(user, {"set", "rw1", "v", "get"}), "OK");
  EXPECT_EQ(DryRun(user, {"copy", "r1", "w1"}), "OK");
  EXPECT_EQ(DryRun(user, {"copy", "w1", "r1"}), NoKey("w1"));
  EXPECT_EQ(DryRun(user, {"exists", "w1"}), "OK");  // tells nothing of the value
  EXPECT_EQ(DryRun(user, {"exists", "x"}), NoKey("x"));
  EXPECT_EQ(DryRun(user, {"mget", "r1", "r2", "x"}), NoKey("x"));
  EXPECT_EQ(DryRun(user, {"eval", "", "1", "rw1"}), "OK");
  EXPECT_EQ(DryRun(user, {"eval", "", "1", "r1"}), NoKey("r1"));
  EXPECT_EQ(DryRun(user, {"eval", "", "0"}), "OK");
  EXPECT_EQ(DryRun(user, {"sort", "r1", "store", "w1"}), "OK");
  EXPECT_EQ(DryRun(user, {"sort", "r1", "store", "r1"}), NoKey("r1"));
  EXPECT_EQ(DryRun(user, {"ping"}), "OK");
}

TEST(AclCheck, KeysBehindAPrefixOrAGlob) {
  const AclUser user = UserWith({"+get", "~app:*", "~user:?:name", "~one", "~"});
  for (std::string_view allowed : {"app:", "app:1", "user:7:name", "one", ""}) {
    EXPECT_EQ(DryRun(user, {"get", allowed}), "OK") << allowed;
  }
  for (std::string_view denied : {"app", "user:77:name", "one1", "on"}) {
    EXPECT_EQ(DryRun(user, {"get", denied}), NoKey(denied));
  }
  EXPECT_EQ(DryRun(UserWith({"+get", "%R~*"}), {"get", ""}), NoKey(""));
}

TEST(AclCheck, Channels) {
  const AclUser user = UserWith({"+@all", "~*", "&news:*", "&one"});
  EXPECT_EQ(DryRun(user, {"publish", "news:1", "secret"}), "OK");
  EXPECT_EQ(DryRun(user, {"publish", "x", "m"}), NoChannel("x"));
  EXPECT_EQ(DryRun(user, {"spublish", "x", "m"}), NoChannel("x"));
  EXPECT_EQ(DryRun(user, {"subscribe", "one", "news:2"}), "OK");
  EXPECT_EQ(DryRun(user, {"subscribe", "one", "x"}), NoChannel("x"));
  EXPECT_EQ(DryRun(user, {"ssubscribe", "x"}), NoChannel("x"));
  // A pattern has to be allowed as it stands: it might match more than what it matches.
  EXPECT_EQ(DryRun(user, {"psubscribe", "news:*"}), "OK");
  EXPECT_EQ(DryRun(user, {"psubscribe", "news:1"}), NoChannel("news:1"));
  EXPECT_EQ(DryRun(user, {"unsubscribe", "x"}), "OK");
  EXPECT_EQ(DryRun(user, {"punsubscribe", "x"}), "OK");
  EXPECT_EQ(DryRun(user, {"sunsubscribe", "x"}), "OK");
  EXPECT_TRUE(MayListen(user, "news:5", false));
  EXPECT_FALSE(MayListen(user, "news:5", true));
}

TEST(AclCheck, SelectorsAreAlternatives) {
  const AclUser user = UserWith({"+get", "~a", "(+set ~b)", "(+mset ~b ~c)"});
  EXPECT_EQ(DryRun(user, {"get", "a"}), "OK");
  EXPECT_EQ(DryRun(user, {"set", "b", "v"}), "OK");
  EXPECT_EQ(DryRun(user, {"set", "a", "v"}), NoKey("a"));
  EXPECT_EQ(DryRun(user, {"get", "b"}), NoKey("b"));
  EXPECT_EQ(DryRun(user, {"mset", "b", "1", "c", "2", "a", "3"}), NoKey("a"));
  EXPECT_EQ(DryRun(user, {"del", "a"}), NoCommand("del"));
}

TEST(AclCheck, ReadingWhatIsNotNamed) {
  std::vector<KeyPosition> keys;
  const Words request = {"sort", "a", "by", "x*"};
  const auto may_read_all = [&](const Words& rules) {
    return MayReadAllKeys(UserWith(rules), *FindCommand(request), request, keys);
  };
  EXPECT_TRUE(may_read_all({"+@all", "~*"}));
  EXPECT_TRUE(may_read_all({"+sort", "%R~*"}));
  EXPECT_FALSE(may_read_all({"+sort", "%W~*", "%R~a"}));
  EXPECT_FALSE(may_read_all({"+sort", "%R~a", "(%R~* +get)"}));
  EXPECT_TRUE(may_read_all({"+sort", "%R~a", "(%R~* +sort)"}));
}

TEST(AclCheck, WordsOfARefusal) {
  const CommandSpec& get = *FindCommand("get");
  EXPECT_EQ(AclRefusal({AclDenial::kCommand}, get),
            "NOPERM this user has no permissions to run the 'get' command");
  EXPECT_EQ(AclRefusal({AclDenial::kKey, 1}, get),
            "NOPERM this user has no permissions to access one of the keys used as arguments");
  EXPECT_EQ(AclRefusalInScript({AclDenial::kChannel, 1}),
            "ERR The user executing the script can't publish to the channel mentioned in the "
            "command");
  EXPECT_TRUE(AclRefusalAtExec({AclDenial::kKey, 1}).ends_with("touch the specified keys"));
}

}  // namespace
}  // namespace slotway::protocol
