// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/acl_test_context.h"
#include "protocol/acl_user_line.h"

namespace slotway::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

AclUsers UsersOfLines(std::initializer_list<std::string_view> lines) {
  AclUsers users(kContext);
  for (std::string_view line : lines) users.Put(*ReadAclUserLine(line, kContext));
  return users;
}

// What `after` is over `settings`, as a text.
std::string TextOfChange(const AclUsers& settings, const AclUsers& after) {
  AclChanges changes;
  changes.Note(settings, settings, after);
  return changes.Text();
}

TEST(AclChanges, WhatWasChangedComesBack) {
  const AclUsers settings = UsersOfLines({"alice on +get ~a", "bob on +get ~b"});
  AclUsers after = CopyOf(settings, kContext);
  after.Put(*ReadAclUserLine("alice off +set ~c", kContext));
  after.Put(*ReadAclUserLine("carol on nopass", kContext));
  after.Remove("bob");
  const std::string text = TextOfChange(settings, after);
  EXPECT_THAT(text, HasSubstr(" gone bob\n"));
  EXPECT_THAT(text, HasSubstr("\n- user carol on nopass"));
  const auto read = AclChanges::Parse(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->Text(), text);
  EXPECT_EQ(read->Over(settings, kContext).Lines(), after.Lines());
}

TEST(AclChanges, EveryRuleComesBackAsItIs) {
  const AclUsers settings = UsersOfLines({});
  const AclUsers after = UsersOfLines({"alice on %W~a %RW~* (%RW~* +get)", "bob on ~* (allkeys +get)"});
  AclUsers back = AclChanges::Parse(TextOfChange(settings, after))->Over(settings, kContext);
  EXPECT_EQ(back.Lines(), after.Lines());
  // Behind what only reads like all keys more may stand.
  EXPECT_TRUE(back.Changed("alice", std::vector<std::string_view>{"~b"}, kContext));
  EXPECT_FALSE(back.Changed("bob", std::vector<std::string_view>{"~b"}, kContext));
}

TEST(AclChanges, WhatIsAsTheSettingsSayIsNoChange) {
  const AclUsers settings = UsersOfLines({"alice on +get ~a"});
  const AclUsers changed = UsersOfLines({"alice on +set ~a"});
  AclChanges changes;
  changes.Note(settings, settings, changed);
  EXPECT_NE(changes.Text(), "");
  changes.Note(settings, changed, settings);
  EXPECT_EQ(changes.Text(), "");
}

TEST(AclChanges, ANewLineOfTheSettingsEndsAChangeOfItsUserOnly) {
  const AclUsers settings = UsersOfLines({"alice on +get ~a", "bob on +get ~b"});
  AclUsers after = UsersOfLines({"alice on +set ~a", "bob on +set ~b", "carol on"});
  const auto changes = AclChanges::Parse(TextOfChange(settings, after));
  ASSERT_TRUE(changes);
  const AclUsers fresh = UsersOfLines({"alice on +del ~a", "bob on +get ~b", "carol off ~c"});
  const AclUsers users = changes->Over(fresh, kContext);
  EXPECT_EQ(users.Find("alice")->Describe(), fresh.Find("alice")->Describe());
  EXPECT_EQ(users.Find("bob")->Describe(), after.Find("bob")->Describe());
  EXPECT_EQ(users.Find("carol")->Describe(), fresh.Find("carol")->Describe());
}

TEST(AclChanges, AChangeOfOneUserLeavesThoseThatMeanOtherSettingsAlone) {
  const AclUsers here = UsersOfLines({"alice on +get ~here"});
  const AclUsers there = UsersOfLines({"alice on +get ~there"});
  auto changes = AclChanges::Parse(TextOfChange(there, UsersOfLines({"alice off"})));
  ASSERT_TRUE(changes);
  const AclUsers before = changes->Over(here, kContext);
  AclUsers after = CopyOf(before, kContext);
  after.Put(*ReadAclUserLine("bob on", kContext));
  changes->Note(here, before, after);
  EXPECT_FALSE(changes->Over(there, kContext).Find("alice")->IsEnabled());
  EXPECT_TRUE(changes->Over(here, kContext).Find("alice")->IsEnabled());
}

TEST(AclChanges, RulesThatCannotBeReadLetNobodyIn) {
  const AclUsers settings = UsersOfLines({});
  const auto changes = AclChanges::Parse("- user alice on nopass +of-next-year\n");
  ASSERT_TRUE(changes);
  EXPECT_EQ(changes->Over(settings, kContext).Find("alice"), nullptr);
  const std::string base = TextOfChange(settings, UsersOfLines({"default on nopass"})).substr(0, 16);
  const auto of_default = AclChanges::Parse(base + " user default on nopass +of-next-year\n");
  ASSERT_TRUE(of_default);
  EXPECT_FALSE(of_default->Over(settings, kContext).Default().IsEnabled());
}

TEST(AclChanges, OtherTextsAreRefused) {
  EXPECT_TRUE(AclChanges::Parse(""));
  for (std::string_view text : {"x", "- alice on", "- user", "- gone \n", "\n", " user alice on"}) {
    EXPECT_FALSE(AclChanges::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace slotway::protocol
