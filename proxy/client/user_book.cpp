// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_book.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "protocol/acl_file.h"
#include "protocol/acl_user_line.h"
#include "runtime/file_replacement.h"
#include "runtime/log.h"
#include "runtime/sha256.h"

namespace slotway::proxy {
namespace {

using protocol::AclUser;
using protocol::AclUsers;
using protocol::kDefaultUser;
using Problem = UserBook::Problem;

constexpr std::size_t kLogEntriesMax = 128;
constexpr unsigned kOwnerOnly = 0600;  // it holds digests of passwords

AclUsers CopyOf(const AclUsers& users) {
  AclUsers copy(RulesContext());
  for (const auto& [name, user] : users.All()) copy.Put(*user);
  return copy;
}

AclUser PlainDefaultUser(const std::string& password) {
  AclUser user = AclUser::MakeDefault(RulesContext());
  if (!password.empty()) user.Apply(">" + password, RulesContext());
  return user;
}

bool Names(const std::vector<std::string>& lines, std::string_view name) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return protocol::AclUserLineName(line) == name; });
}

Problem PutLine(std::string_view line, AclUsers& users) {
  auto user = protocol::ReadAclUserLine(line, RulesContext());
  const std::string name(protocol::AclUserLineName(line));
  if (!user) return "auth.users: '" + name + "': " + user.error();
  if (!user->IsEnabled()) {
    runtime::LogWarning("the user '{}' is disabled: its rules do not say 'on'", name);
  }
  users.Put(*std::move(user));
  return std::nullopt;
}

}  // namespace

const protocol::AclContext& RulesContext() {
  static const protocol::AclContext context{.hash = &runtime::Sha256Hex};
  return context;
}

UserBook::UserBook() {
  // shared: see Snapshot.
  current_ = std::make_shared<const UsersVersion>();
}

Problem UserBook::ApplySettings(const config::AuthConfig& auth) {
  const std::lock_guard lock(mutex_);
  if (settings_ == auth) return std::nullopt;
  AclUsers users = CopyOf(current_->users);
  if (auto problem = ReadSettings(auth, users)) return problem;
  Publish(std::move(users));
  settings_ = auth;
  return std::nullopt;
}

Problem UserBook::ReadSettings(const config::AuthConfig& auth, AclUsers& users) const {
  if (!auth.acl_file.empty()) {
    // As it was read at first, unless the settings name another one: it may have been changed since.
    return settings_ && settings_->acl_file == auth.acl_file ? std::nullopt : ReadFile(auth, users);
  }
  const bool is_new_password = !settings_ || settings_->password != auth.password;
  const bool had_default_line = settings_ && Names(settings_->users, kDefaultUser);
  if (is_new_password || had_default_line) users.Put(PlainDefaultUser(auth.password));
  if (settings_) {
    for (const std::string& line : settings_->users) {
      const std::string_view name = protocol::AclUserLineName(line);
      if (name != kDefaultUser && !Names(auth.users, name)) users.Remove(name);
    }
  }
  for (const std::string& line : auth.users) {
    if (auto problem = PutLine(line, users)) return problem;
  }
  return std::nullopt;
}

Problem UserBook::ReadFile(const config::AuthConfig& auth, AclUsers& users) {
  std::ifstream file(auth.acl_file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || file.bad()) {
    return "Error loading ACLs, opening file '" + auth.acl_file + "': " + std::strerror(errno);
  }
  auto read = protocol::ReadAclFile(text, auth.acl_file, RulesContext());
  if (!read) return read.error();
  users = AclUsers(RulesContext());
  users.Put(PlainDefaultUser(auth.password));
  for (AclUser& user : *read) users.Put(std::move(user));
  return std::nullopt;
}

UserBook::Snapshot UserBook::Publish(AclUsers users) {
  // shared: see Snapshot.
  auto next = std::make_shared<UsersVersion>();
  next->users = std::move(users);
  next->version = current_->version + 1;
  current_ = std::move(next);
  return current_;
}

UserBook::Snapshot UserBook::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

tl::expected<UserBook::Snapshot, std::string> UserBook::Change(
    const std::function<Problem(AclUsers&)>& change) {
  const std::lock_guard lock(mutex_);
  AclUsers users = CopyOf(current_->users);
  if (auto problem = change(users)) return tl::unexpected(*problem);
  return Publish(std::move(users));
}

bool UserBook::HasFile() const {
  const std::lock_guard lock(mutex_);
  return settings_ && !settings_->acl_file.empty();
}

tl::expected<UserBook::Snapshot, std::string> UserBook::LoadFile() {
  return Change([this](AclUsers& users) { return ReadFile(*settings_, users); });
}

Problem UserBook::SaveFile() const {
  const std::lock_guard lock(mutex_);
  const auto error = runtime::ReplaceFile(settings_->acl_file,
                                          protocol::WriteAclFile(current_->users), kOwnerOnly);
  if (!error) return std::nullopt;
  runtime::LogWarning("cannot write the ACL file {}: {}", settings_->acl_file,
                      std::strerror(*error));
  return "There was an error trying to save the ACLs. Please check the server logs for more "
         "information";
}

void UserBook::NoteRefusal(protocol::AclLogEvent event, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  log_.Add(std::move(event), now_ms, kLogEntriesMax);
}

void UserBook::ClearLog() {
  const std::lock_guard lock(mutex_);
  log_.Clear();
}

std::deque<protocol::AclLogEntry> UserBook::Log() const {
  const std::lock_guard lock(mutex_);
  return log_.Entries();
}

}  // namespace slotway::proxy
