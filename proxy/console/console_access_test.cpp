// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console_access.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using Outcome = ConsoleAccess::Outcome;

class ConsoleAccessTest : public testing::Test {
 protected:
  void Users(const std::string& default_password, std::vector<std::string> users = {}) {
    config::AuthConfig auth;
    auth.password = default_password;
    auth.users = std::move(users);
    ASSERT_EQ(book_.ApplySettings(auth), std::nullopt);
  }
  static runtime::HttpRequest To(const std::string& host, const std::string& cookie = "") {
    runtime::HttpRequest request;
    request.peer = *runtime::SocketAddress::FromNumeric("127.0.0.1", 1);
    request.headers = {{"host", host}, {"cookie", "other=1; " + cookie}};
    return request;
  }
  Outcome LogIn(const std::string& user, const std::string& password, std::uint64_t now_ms = 0) {
    std::string cookie;
    Outcome outcome = access_.LogIn(To("proxy:1"), user, password, now_ms, cookie);
    cookie_ = cookie.substr(0, cookie.find(';'));
    return outcome;
  }

  UserBook book_;
  ConsoleAccess access_{book_, true, "12345678"};
  std::string cookie_;
};

TEST_F(ConsoleAccessTest, WithoutAPasswordOnlyAddressesAreTrusted) {
  Users("");
  for (const char* host : {"127.0.0.1:32280", "localhost:32280", "localhost", "[::1]:32280",
                           "10.1.2.3", "a.localhost:1", ""}) {
    auto viewer = access_.Look(To(host), 0);
    EXPECT_FALSE(viewer.needs_login);
    EXPECT_TRUE(viewer.sees_all) << host;
    EXPECT_FALSE(viewer.edits_users) << host;
  }
  for (const char* host : {"evil.example:32280", "127.0.0.1.evil.example", "localhost.evil.example",
                           "xlocalhost", "[::1", "["}) {
    EXPECT_FALSE(access_.Look(To(host), 0).sees_all) << host;
  }
}

TEST_F(ConsoleAccessTest, ADefaultUserOfFewRightsOpensNothing) {
  Users("", {"default on nopass ~* +get", "admin on >pw ~* &* +@all"});
  auto viewer = access_.Look(To("127.0.0.1"), 0);
  EXPECT_TRUE(viewer.needs_login);
  EXPECT_FALSE(viewer.sees_all);
}

TEST_F(ConsoleAccessTest, AdministratorsLogIn) {
  Users("secret", {"reader on >pw ~* +@read", "off off >pw ~* &* +@all",
                   "open on nopass ~* &* +@all", "viewer on >pw +client|list +acl|list +slowlog"});
  EXPECT_FALSE(access_.Look(To("127.0.0.1"), 0).sees_all);
  EXPECT_EQ(LogIn("default", "wrong"), Outcome::kWrong);
  EXPECT_EQ(LogIn("nobody", "secret"), Outcome::kWrong);
  EXPECT_EQ(LogIn("off", "pw"), Outcome::kWrong);
  EXPECT_EQ(LogIn("open", "pw"), Outcome::kWrong);
  EXPECT_EQ(LogIn("reader", "pw"), Outcome::kNoRights);
  ASSERT_EQ(LogIn("viewer", "pw"), Outcome::kIn);
  auto viewer = access_.Look(To("console.example", cookie_), 0);
  EXPECT_EQ(viewer.user, "viewer");
  EXPECT_TRUE(viewer.sees_all);
  EXPECT_FALSE(viewer.edits_users);
  ASSERT_EQ(LogIn("default", "secret"), Outcome::kIn);
  EXPECT_TRUE(access_.Look(To("console.example", cookie_), 0).edits_users);
  ConsoleAccess cautious(book_, false, "12345678");
  EXPECT_FALSE(cautious.Look(To("console.example", cookie_), 0).sees_all);
}

TEST_F(ConsoleAccessTest, ALoginEnds) {
  Users("secret");
  ASSERT_EQ(LogIn("default", "secret", 1000), Outcome::kIn);
  std::uint64_t later_ms = 1000 + ConsoleAccess::kSessionIdleMs;
  EXPECT_TRUE(access_.Look(To("a", cookie_), later_ms).sees_all);
  later_ms += ConsoleAccess::kSessionIdleMs + 1;
  EXPECT_FALSE(access_.Look(To("a", cookie_), later_ms).sees_all) << "idle";
  ASSERT_EQ(LogIn("default", "secret"), Outcome::kIn);
  access_.LogOut(To("a", cookie_));
  EXPECT_FALSE(access_.Look(To("a", cookie_), 0).sees_all) << "logged out";
  ASSERT_EQ(LogIn("default", "secret"), Outcome::kIn);
  Users("another");
  EXPECT_FALSE(access_.Look(To("a", cookie_), 0).sees_all) << "the password has changed";
}

TEST_F(ConsoleAccessTest, GuessingIsSlow) {
  Users("secret");
  for (std::uint32_t i = 0; i < ConsoleAccess::kAttemptsMax; ++i) {
    EXPECT_EQ(LogIn("default", "wrong", 1000), Outcome::kWrong);
  }
  EXPECT_EQ(LogIn("default", "secret", 1000), Outcome::kTooMany);
  EXPECT_EQ(LogIn("default", "secret", 1000 + ConsoleAccess::kLockedMs), Outcome::kTooMany);
  EXPECT_EQ(LogIn("default", "secret", 1001 + ConsoleAccess::kLockedMs), Outcome::kIn);
}

TEST_F(ConsoleAccessTest, LoginsAreBounded) {
  Users("secret");
  ASSERT_EQ(LogIn("default", "secret", 0), Outcome::kIn);
  const std::string first = cookie_;
  for (std::size_t i = 0; i < ConsoleAccess::kSessionsMax; ++i) {
    ASSERT_EQ(LogIn("default", "secret", i + 1), Outcome::kIn);
  }
  EXPECT_FALSE(access_.Look(To("a", first), 100).sees_all);
  EXPECT_TRUE(access_.Look(To("a", cookie_), 100).sees_all);
}

}  // namespace
}  // namespace slotway::proxy
