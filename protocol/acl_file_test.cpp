// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_file.h"

#include <gtest/gtest.h>

#include "protocol/acl_test_context.h"

namespace slotway::protocol {
namespace {

constexpr std::string_view kNothingDone =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

std::string ErrorsOf(std::string_view text) {
  const auto users = ReadAclFile(text, "/f", kContext);
  if (users) return "";
  EXPECT_TRUE(users.error().ends_with(kNothingDone));
  return users.error().substr(0, users.error().size() - kNothingDone.size());
}

TEST(AclFile, ReadsWhatItWrites) {
  const std::string text = "user alice on #" + std::string(64, 'a') +
                           " ~a* resetchannels &c -@all +get (%R~b resetchannels -@all +set)\n"
                           "user default on nopass ~* &* +@all\n";
  const auto users = ReadAclFile(text, "/f", kContext);
  ASSERT_TRUE(users) << users.error();
  AclUsers all(kContext);
  for (const AclUser& user : *users) all.Put(user);
  EXPECT_EQ(WriteAclFile(all), text);
}

TEST(AclFile, PassesOverBlanks) {
  const auto users = ReadAclFile("\n \t\n  user  on \r\nuser b on  +get\n\n", "/f", kContext);
  ASSERT_TRUE(users) << users.error();
  ASSERT_EQ(users->size(), 2u);
  EXPECT_EQ((*users)[0].Name(), "");
  EXPECT_EQ((*users)[1].Describe(), "on resetchannels -@all +get");
}

TEST(AclFile, SaysAllThatIsWrong) {
  EXPECT_EQ(ErrorsOf("# comment\nuser\n"),
            "/f:1 should start with user keyword followed by the username. "
            "/f:2 should start with user keyword followed by the username. ");
  EXPECT_EQ(ErrorsOf("user a on\nuser a off"), "WARNING: Duplicate user 'a' found on line 2. ");
  EXPECT_EQ(ErrorsOf("user a\tb on"), "'/f:1: username 'a\tb' contains invalid characters. ");
  EXPECT_EQ(ErrorsOf("user a +nosuch +@nosuch"),
            "/f:1: Error in applying operation '+nosuch': Unknown command or category name in "
            "ACL. /f:1: Error in applying operation '+@nosuch': Unknown command or category name "
            "in ACL. ");
  EXPECT_EQ(ErrorsOf("user a wrong %X~a"), "/f:1: Syntax error. ");
  EXPECT_EQ(ErrorsOf("user a (+get"), "/f:1: Unmatched parenthesis in selector definition.");
}

TEST(AclUsers, ChangesACopyUntilItIsPut) {
  AclUsers users(kContext);
  const std::vector<std::string_view> rules = {"on", "+get"};
  auto changed = users.Changed("a", rules, kContext);
  ASSERT_TRUE(changed);
  EXPECT_EQ(users.Find("a"), nullptr);
  users.Put(*changed);
  const AclUser* a = users.Find("a");
  EXPECT_EQ(a->Describe(), "on resetchannels -@all +get");
  const std::vector<std::string_view> wrong = {"+set", "nosuch"};
  EXPECT_EQ(users.Changed("a", wrong, kContext).error(),
            "Error in ACL SETUSER modifier 'nosuch': Syntax error");
  EXPECT_EQ(a->Describe(), "on resetchannels -@all +get");
  const std::vector<std::string_view> more = {"+set"};
  users.Put(*users.Changed("a", more, kContext));
  EXPECT_EQ(users.Find("a"), a);
  EXPECT_EQ(users.Lines()[0], "user a on resetchannels -@all +get +set");
  EXPECT_EQ(users.Remove("a")->Name(), "a");
  EXPECT_EQ(users.Remove("a"), nullptr);
}

}  // namespace
}  // namespace slotway::protocol
