// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_guard.h"

#include <gtest/gtest.h>
#include <vector>

#include "protocol/acl_changes.h"
#include "protocol/acl_test_context.h"
#include "protocol/acl_user_line.h"

namespace slotway::protocol {
namespace {

const std::vector<std::string> kDangerous = {"@admin", "flushall", "keys"};

AclGuard GuardOf(const std::vector<std::string>& dangerous, const std::vector<std::string>& denied) {
  return *AclGuard::Make(dangerous, denied);
}

// Which of some commands a user with these rules has, behind the guard.
std::string Allowed(AclUser user, const AclGuard& guard) {
  guard.Apply(user);
  std::string allowed;
  for (std::string_view name : {"get", "set", "keys", "flushall", "config|set", "debug"}) {
    if (user.Selectors().front().Commands().Allows(*FindCommandByFullName(name))) {
      allowed += (allowed.empty() ? "" : " ") + std::string(name);
    }
  }
  return allowed;
}

AclUser UserOf(std::string_view rules) {
  return *ReadAclUserLine("u on " + std::string(rules), kContext);
}

TEST(AclGuard, WhatIsDangerousHasToBeNamed) {
  const AclGuard guard = GuardOf(kDangerous, {});
  const struct {
    std::string_view rules, allowed;
  } cases[] = {
      {"+@all", "get set keys flushall config|set debug"},
      {"allcommands", "get set keys flushall config|set debug"},
      {"+@read +@write", "get set"},
      {"+@read +@write +@slow +@fast", "get set"},
      {"+@read +@write +@keyspace +keys", "get set keys"},
      {"+keys +@read", "get keys"},  // a rule behind it does not take it away
      {"+@read -keys +@read", "get"},
      {"+@read +@dangerous", "get keys flushall config|set debug"},
      {"+@admin", "config|set debug"},
      {"+@all -@dangerous", "get set"},
      {"+@all -@dangerous +@write +@keyspace", "get set"},
      {"+@all -debug", "get set keys flushall config|set"},
      {"+@slow +config", "set config|set"},
      {"+@slow +config|set", "set config|set"},
      {"+@slow +config|get", "set"},
      {"+@slow -@connection", "set"},  // of CLIENT all subcommands are in it, and CLIENT is not
      {"+client -client|kill", ""},
      {"+@slow +client -client|kill -config|set", "set"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Allowed(UserOf(c.rules), guard), c.allowed) << c.rules;
    // As another proxy reads it.
    AclUsers settings(kContext), after(kContext);
    after.Put(UserOf(c.rules));
    AclChanges changes;
    changes.Note(settings, settings, after);
    const AclUsers back = AclChanges::Parse(changes.Text())->Over(settings, kContext);
    EXPECT_EQ(Allowed(*back.Find("u"), guard), c.allowed) << changes.Text();
    EXPECT_EQ(back.Find("u")->Describe(), UserOf(c.rules).Describe());
  }
  EXPECT_TRUE(UserOf("~* &* +@all").MayDoEverything());
}

TEST(AclGuard, WhatIsDeniedNobodyHas) {
  const AclGuard guard = GuardOf({}, {"flushall", "config|set", "@scripting"});
  EXPECT_EQ(Allowed(UserOf("+@all"), guard), "get set keys debug");
  EXPECT_EQ(Allowed(UserOf("+flushall +config"), guard), "");
  AclUser everything = UserOf("~* &* +@all (~* &* +@all)");
  guard.Apply(everything);
  EXPECT_FALSE(everything.MayDoEverything());
  EXPECT_EQ(guard.WhyNot(IdOf(*FindCommandByFullName("flushall"))),
            "it is one of limits.denied_commands");
  AclUser untouched = UserOf("~* &* +@all");
  GuardOf(kDangerous, {}).Apply(untouched);
  EXPECT_TRUE(untouched.MayDoEverything());
}

TEST(AclGuard, NamesThatAreNone) {
  const std::vector<std::string> none, bad = {"get", "@nosuch"}, worse = {"get|x"};
  EXPECT_EQ(AclGuard::Make(bad, none).error(), "dangerous_commands: no command or category '@nosuch'");
  EXPECT_EQ(AclGuard::Make(none, worse).error(), "denied_commands: no command or category 'get|x'");
}

}  // namespace
}  // namespace slotway::protocol
