// SPDX-License-Identifier: Apache-2.0
// The texts and orders are those of redis-server 7.0.15.
#include "protocol/acl_user.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

// No digest, but as long as one and different for different passwords.
std::string FakeHash(std::string_view password) {
  std::string digits(64, '0');
  for (std::size_t i = 0; i < password.size(); ++i) {
    digits[i % 64] = "0123456789abcdef"[static_cast<unsigned char>(password[i]) & 15];
  }
  return digits;
}

constexpr AclContext kHashingContext{.hash = &FakeHash};

using Rules = std::vector<std::string_view>;

std::string Describe(const Rules& rules) {
  AclUser user("u", kHashingContext);
  const auto applied = user.ApplyAll(rules, kHashingContext);
  return applied ? user.Describe() : applied.error();
}

std::string ErrorOf(std::string_view rule, const Rules& before = {}) {
  AclUser user("u", kHashingContext);
  EXPECT_TRUE(user.ApplyAll(before, kHashingContext));
  return std::string(AclRuleErrorText(user.Apply(rule, kHashingContext)));
}

TEST(AclUser, BeginsWithNothing) {
  EXPECT_EQ(Describe({}), "off resetchannels -@all");
  EXPECT_EQ(AclUser("u", {&FakeHash, true}).Describe(), "off &* -@all");
  EXPECT_EQ(AclUser::MakeDefault(kHashingContext).Describe(), "on nopass ~* &* +@all");
  EXPECT_TRUE(AclUser::MakeDefault(kHashingContext).MayDoEverything());
  EXPECT_FALSE(AclUser("u", kHashingContext).MayDoEverything());
}

TEST(AclUser, DescribesItsRules) {
  const std::string hash = FakeHash("secret");
  EXPECT_EQ(Describe({"ON", ">secret", "~a*", "%R~b", "%w~c", "&ch", "+GET"}),
            "on #" + hash + " ~a* %R~b %W~c resetchannels &ch -@all +get");
  EXPECT_EQ(Describe({"%R~a", "%W~a"}), "off ~a resetchannels -@all");
  EXPECT_EQ(Describe({"~a", "~a", "&b", "&b"}), "off ~a resetchannels &b -@all");
  EXPECT_EQ(Describe({"%RW~*"}), "off ~* resetchannels -@all");
  EXPECT_EQ(Describe({"", "allkeys", "allchannels", "allcommands", "skip-sanitize-payload"}),
            "off skip-sanitize-payload ~* &* +@all");
  EXPECT_EQ(Describe({"on", "nopass", "~*", "&*", "+@all", "(+get ~a)", "reset"}),
            "off sanitize-payload resetchannels -@all");
  EXPECT_EQ(Describe({"nopass", ">p"}).find("nopass"), std::string::npos);
  EXPECT_EQ(Describe({">p", "nopass"}), "off nopass resetchannels -@all");
}

TEST(AclUser, DescribesSelectors) {
  EXPECT_EQ(Describe({"+get", "(+set ~a)", "(%R~b", "&c", ")"}),
            "off resetchannels -@all +get (~a resetchannels -@all +set) "
            "(%R~b resetchannels &c -@all)");
  EXPECT_EQ(Describe({"(+get)", "clearselectors", "()"}),
            "off resetchannels -@all (resetchannels -@all)");
  EXPECT_EQ(Describe({"(+get", "~a"}),
            "Unmatched parenthesis in acl selector starting at '(+get'.");
  EXPECT_EQ(Describe({"(on)"}), "Error in ACL SETUSER modifier '(on)': Syntax error");
  // Nothing that was said is passed over.
  EXPECT_EQ(Describe({"(+ping", "(+select", "(+del", ")"}),
            "Error in ACL SETUSER modifier '(+ping (+select (+del )': Syntax error");
}

TEST(AclUser, RefusesWrongRules) {
  EXPECT_EQ(ErrorOf("nosuch"), "Syntax error");
  EXPECT_EQ(ErrorOf("%X~a"), "Syntax error");
  EXPECT_EQ(ErrorOf("%RR~a"), "Syntax error");
  EXPECT_EQ(ErrorOf("%~a"), "Syntax error");
  EXPECT_EQ(ErrorOf("~a b"), "Syntax error");
  EXPECT_EQ(ErrorOf(std::string_view("&a\0b", 4)), "Syntax error");
  EXPECT_EQ(ErrorOf("+nosuch"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("-@nosuch"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("+"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("+@"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("+config|nosuch"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("-select|0"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("+get|a|b"), "Unknown command or category name in ACL");
  EXPECT_EQ(ErrorOf("+config|"), "Syntax error");
  EXPECT_EQ(ErrorOf("+select|"), "Syntax error");
  EXPECT_EQ(ErrorOf("+config|get|x"), "Allowing first-arg of a subcommand is not supported");
  EXPECT_TRUE(
      ErrorOf("~a", {"~*"}).starts_with("Adding a pattern after the * pattern (or the 'allk"));
  EXPECT_TRUE(
      ErrorOf("&a", {"&*"}).starts_with("Adding a pattern after the * pattern (or the 'allc"));
  EXPECT_TRUE(ErrorOf("#abc").starts_with("The password hash must be exactly 64"));
  EXPECT_TRUE(ErrorOf("<nosuch").starts_with("The password you are trying to remove"));
  EXPECT_TRUE(ErrorOf("!" + FakeHash("p")).starts_with("The password you are trying to remove"));
  EXPECT_EQ(ErrorOf("<p", {">p"}), "");
  EXPECT_EQ(ErrorOf("!" + FakeHash("p"), {">p"}), "");
}

TEST(AclUser, AcceptsItsPasswordsWhileItIsOn) {
  AclUser user("u", kHashingContext);
  ASSERT_TRUE(user.ApplyAll(Rules{"on", ">one", ">two"}, kHashingContext));
  EXPECT_TRUE(user.Accepts("one", &FakeHash));
  EXPECT_TRUE(user.Accepts("two", &FakeHash));
  EXPECT_FALSE(user.Accepts("three", &FakeHash));
  EXPECT_FALSE(user.Accepts("", &FakeHash));
  user.Apply("nopass", kHashingContext);
  EXPECT_TRUE(user.IsOpen());
  EXPECT_TRUE(user.Accepts("three", &FakeHash));
  user.Apply("off", kHashingContext);
  EXPECT_FALSE(user.Accepts("one", &FakeHash));
  EXPECT_FALSE(user.IsOpen());
}

}  // namespace
}  // namespace slotway::protocol
