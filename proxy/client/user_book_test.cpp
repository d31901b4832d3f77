// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_book.h"

#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/sha256.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> NamesIn(const UserBook& book) {
  std::vector<std::string> names;
  for (const auto& [name, user] : book.Current()->users.All()) names.push_back(name);
  return names;
}

UserBook::Problem AddUser(protocol::AclUsers& users, std::string_view name) {
  users.Put(protocol::AclUser(name, RulesContext()));
  return std::nullopt;
}

UserBook::Changed MakeNow(UserBook& book, UserBook::Change change) {
  UserBook::Changed result = tl::unexpected<std::string>("nothing was said");
  book.Make(std::move(change), 7, [&](UserBook::Changed changed) { result = std::move(changed); });
  return result;
}

UserBook::Changed LoadNow(UserBook& book) {
  UserBook::Changed result = tl::unexpected<std::string>("nothing was said");
  book.LoadFile(7, [&](UserBook::Changed changed) { result = std::move(changed); });
  return result;
}

TEST(UserBook, ThePasswordIsTheDefaultUsers) {
  UserBook book;
  EXPECT_TRUE(book.Current()->users.Default().IsOpen());
  ASSERT_EQ(book.ApplySettings({.password = "p"}), std::nullopt);
  const protocol::AclUser& user = book.Current()->users.Default();
  EXPECT_FALSE(user.IsOpen());
  EXPECT_TRUE(user.Accepts("p", &runtime::Sha256Hex));
  EXPECT_FALSE(user.Accepts("q", &runtime::Sha256Hex));
}

TEST(UserBook, PasswordsThatWereReplacedAreAcceptedForAWhile) {
  const auto accepts = [](const UserBook& book, std::string_view name, std::string_view password) {
    return book.Current()->users.Find(name)->Accepts(password, &runtime::Sha256Hex);
  };
  UserBook book;
  config::AuthConfig auth{
      .password = "p1", .password_window_ms = 60000, .users = {"alice on >a1 +get ~a"}};
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  auth.password = "p2";
  auth.users = {"alice on >a2 +get ~a"};
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  for (std::string_view password : {"p1", "p2"}) EXPECT_TRUE(accepts(book, "default", password));
  for (std::string_view password : {"a1", "a2"}) EXPECT_TRUE(accepts(book, "alice", password));
  EXPECT_EQ(book.Current()->told.Find("alice")->PasswordHashes().size(), 1u);
  EXPECT_FALSE(book.EndPasswords(0));
  // A command is meant to count at once.
  ASSERT_TRUE(MakeNow(book, [](auto& users) -> UserBook::Problem {
    users.Put(*users.Changed("alice", std::vector<std::string_view>{"resetpass", ">a3"}, RulesContext()));
    return std::nullopt;
  }));
  EXPECT_FALSE(accepts(book, "alice", "a1"));
  EXPECT_TRUE(accepts(book, "default", "p1"));
  EXPECT_TRUE(book.EndPasswords(~std::uint64_t{0}));
  EXPECT_FALSE(accepts(book, "default", "p1"));
  EXPECT_TRUE(accepts(book, "default", "p2"));
  // Without a window nothing is kept.
  auth.password_window_ms = 0;
  auth.password = "p3";
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  EXPECT_FALSE(accepts(book, "default", "p2"));
}

TEST(UserBook, WhatTheSettingsWithholdIsShownAndDoesNotCount) {
  UserBook book;
  config::LimitsConfig limits;
  const config::AuthConfig auth{.users = {"alice on +@write ~a"}};
  const protocol::CommandSpec& flush = *protocol::FindCommandByFullName("flushall");
  const auto may_flush = [&](const protocol::AclUsers& users) {
    return users.Find("alice")->Selectors().front().Commands().Allows(flush);
  };
  ASSERT_EQ(book.ApplySettings(auth, limits), std::nullopt);
  EXPECT_FALSE(may_flush(book.Current()->users));
  EXPECT_TRUE(may_flush(book.Current()->told));
  EXPECT_TRUE(book.Current()->users.Default().MayDoEverything());
  limits.dangerous_commands = {};
  ASSERT_EQ(book.ApplySettings(auth, limits), std::nullopt);
  EXPECT_TRUE(may_flush(book.Current()->users));
  limits.denied_commands = {"nosuch"};
  EXPECT_EQ(book.ApplySettings(auth, limits),
            "limits.denied_commands: no command or category 'nosuch'");
}

TEST(UserBook, AReloadTakesWhatTheSettingsHaveChanged) {
  UserBook book;
  config::AuthConfig auth{.password = "p", .users = {"alice on +get ~a", "bob on +get ~b"}};
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  ASSERT_TRUE(MakeNow(book, [](auto& users) { return AddUser(users, "made"); }));
  const std::uint64_t version = book.Current()->version;
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  EXPECT_EQ(book.Current()->version, version) << "nothing has changed";
  auth.users = {"bob on +set ~c"};
  ASSERT_EQ(book.ApplySettings(auth), std::nullopt);
  EXPECT_THAT(NamesIn(book), ElementsAre("bob", "default", "made"));
  EXPECT_THAT(book.Current()->users.Find("bob")->Describe(), HasSubstr("~c resetchannels -@all +set"));
  EXPECT_TRUE(book.Current()->users.Default().Accepts("p", &runtime::Sha256Hex));
}

TEST(UserBook, ADefaultUserOfTheSettingsIsAllThatTheySayAndGoesWithThem) {
  UserBook book;
  ASSERT_EQ(book.ApplySettings({.password = "p", .users = {"default on nopass ~a +get"}}),
            std::nullopt);
  EXPECT_TRUE(book.Current()->users.Default().IsOpen());
  EXPECT_FALSE(book.Current()->users.Default().MayDoEverything());
  ASSERT_EQ(book.ApplySettings({.password = "p"}), std::nullopt);
  EXPECT_FALSE(book.Current()->users.Default().IsOpen());
  EXPECT_TRUE(book.Current()->users.Default().MayDoEverything());
}

TEST(UserBook, WhatIsWrongChangesNothing) {
  UserBook book;
  ASSERT_EQ(book.ApplySettings({.users = {"alice on"}}), std::nullopt);
  const UserBook::Snapshot before = book.Current();
  EXPECT_THAT(*book.ApplySettings({.users = {"bob on", "carol +nosuch"}}),
              HasSubstr("auth.users: 'carol': Error in ACL SETUSER modifier '+nosuch'"));
  EXPECT_THAT(*book.ApplySettings({.users = {" "}}), HasSubstr("needs a name and rules"));
  EXPECT_THAT(*book.ApplySettings({.acl_file = "/nosuch"}), HasSubstr("No such file"));
  EXPECT_FALSE(MakeNow(book, [](auto& users) {
    AddUser(users, "made");
    return UserBook::Problem("no");
  }));
  EXPECT_EQ(book.Current(), before);
}

TEST(UserBook, WhatIsChangedIsKeptElsewhereIfSomebodyKeepsIt) {
  UserBook book;
  std::string kept;
  int edits = 0;
  book.KeepIn([&](const UserBook::Edit& edit, const std::function<void(UserBook::Problem)>& done) {
    for (; edits < 2; ++edits) ASSERT_TRUE(edit(kept));  // as if others had come first
    const auto edited = edit(kept);
    if (!edited) return done(edited.error());
    kept = *edited;
    book.TakeChanges(kept);
    done(std::nullopt);
  });
  const auto changed = MakeNow(book, [](auto& users) { return AddUser(users, "made"); });
  ASSERT_TRUE(changed);
  EXPECT_NE((*changed)->users.Find("made"), nullptr);
  EXPECT_THAT((*changed)->callers, ElementsAre(7u)) << "it is answered before it is cut off";
  UserBook other;
  other.TakeChanges(kept);
  EXPECT_THAT(NamesIn(other), ElementsAre("default", "made"));
  EXPECT_TRUE(other.Current()->callers.empty());
  other.TakeChanges("what is this");
  EXPECT_THAT(NamesIn(other), ElementsAre("default", "made"));
}

TEST(UserBook, LoadingTheFileEndsAllChanges) {
  const std::string path = testing::TempDir() + "user_book_test.acl";
  std::ofstream(path) << "user alice on +get ~a\n";
  UserBook book;
  ASSERT_EQ(book.ApplySettings({.acl_file = path}), std::nullopt);
  ASSERT_TRUE(MakeNow(book, [](auto& users) { return AddUser(users, "made"); }));
  std::ofstream(path) << "user bob on +get ~b\n";
  ASSERT_TRUE(LoadNow(book));
  EXPECT_THAT(NamesIn(book), ElementsAre("bob", "default"));
  std::ofstream(path) << "user\n";
  EXPECT_FALSE(LoadNow(book));
  EXPECT_THAT(NamesIn(book), ElementsAre("bob", "default"));
  std::remove(path.c_str());
}

TEST(UserBook, ASnapshotStaysAsItIs) {
  UserBook book;
  const UserBook::Snapshot before = book.Current();
  ASSERT_TRUE(MakeNow(book, [](auto& users) { return AddUser(users, "made"); }));
  EXPECT_EQ(before->users.Find("made"), nullptr);
  EXPECT_NE(book.Current()->users.Find("made"), nullptr);
}

TEST(UserBook, RefusalsAreNotedAndBounded) {
  UserBook book;
  for (int i = 0; i < 1000; ++i) {
    book.NoteRefusal({.object = std::to_string(i), .user = "u", .client = {}}, 1000);
  }
  EXPECT_EQ(book.Log().size(), 128u);
  EXPECT_EQ(book.Log().front().event.object, "999");
  book.ClearLog();
  EXPECT_TRUE(book.Log().empty());
}

}  // namespace
}  // namespace slotway::proxy
