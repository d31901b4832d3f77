// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_book.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "protocol/acl_changes.h"
#include "protocol/acl_file.h"
#include "protocol/acl_user_line.h"
#include "runtime/clock.h"
#include "runtime/file_replacement.h"
#include "runtime/log.h"
#include "runtime/sha256.h"

namespace slotway::proxy {
namespace {

using protocol::AclChanges;
using protocol::AclUser;
using protocol::AclUsers;
using protocol::kDefaultUser;
using Problem = UserBook::Problem;

constexpr unsigned kOwnerOnly = 0600;  // it holds digests of passwords

AclUser PlainDefaultUser(const config::AuthConfig& auth) {
  AclUser user = AclUser::MakeDefault(RulesContext());
  for (const std::string& password : {auth.password, auth.previous_password}) {
    if (!password.empty()) user.Apply(">" + password, RulesContext());
  }
  return user;
}

bool HasPassword(const AclUser& user, std::string_view hash) {
  return std::ranges::find(user.PasswordHashes(), hash) != user.PasswordHashes().end();
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

UserBook::UserBook()
    : keeper_([this](const Edit& edit, const std::function<void(Problem)>& done) {
        EditOwnText(edit, done);
      }) {
  // shared: see Snapshot.
  current_ = std::make_shared<const UsersVersion>();
}

Problem UserBook::ApplySettings(const config::AuthConfig& auth,
                                const config::LimitsConfig& limits) {
  auto guard = protocol::AclGuard::Make(limits.dangerous_commands, limits.denied_commands);
  if (!guard) return "limits." + guard.error();
  if (auto problem = ApplyUsers(auth, *guard)) return problem;
  loads_.ApplySettings(limits);
  return std::nullopt;
}

Problem UserBook::ApplyUsers(const config::AuthConfig& auth, const protocol::AclGuard& guard) {
  const std::lock_guard lock(mutex_);
  if (settings_ == auth && guard == guard_) return std::nullopt;
  // A file stays as it was read, unless the settings name another one: ACL LOAD is for that.
  const bool is_same_file =
      settings_ && !auth.acl_file.empty() && settings_->acl_file == auth.acl_file;
  if (!is_same_file) {
    Read read = auth.acl_file.empty() ? ReadSettings(auth) : ReadFile(auth);
    if (!read) return read.error();
    const AclUsers before = std::exchange(settings_users_, *std::move(read));
    if (settings_) KeepPasswords(before, auth.password_window_ms);
  }
  settings_ = auth;
  guard_ = guard;
  Publish();
  return std::nullopt;
}

// What the settings said until now, and do not say any more.
void UserBook::KeepPasswords(const AclUsers& before, std::uint32_t window_ms) {
  if (window_ms == 0) kept_passwords_.clear();
  const std::uint64_t until_ms = runtime::MonotonicMs() + window_ms;
  for (const auto& [name, old] : before.All()) {
    const AclUser* user = settings_users_.Find(name);
    if (window_ms == 0 || user == nullptr) continue;
    for (const std::string& hash : old->PasswordHashes()) {
      if (!HasPassword(*user, hash)) kept_passwords_.push_back({name, hash, until_ms});
    }
  }
}

// Not for a user whose passwords a command has changed since: that is meant to count at once.
void UserBook::AddKeptPasswords(AclUser& user) const {
  const AclUser* set = settings_users_.Find(user.Name());
  if (set == nullptr || user.HasNoPassword() ||
      !std::ranges::equal(set->PasswordHashes(), user.PasswordHashes())) {
    return;
  }
  for (const KeptPassword& kept : kept_passwords_) {
    if (kept.user == user.Name()) user.Apply("#" + kept.hash, RulesContext());
  }
}

bool UserBook::EndPasswords(std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto ended = std::erase_if(
      kept_passwords_, [now_ms](const KeptPassword& kept) { return kept.until_ms <= now_ms; });
  if (ended > 0) Publish();
  return ended > 0;
}

UserBook::Read UserBook::ReadSettings(const config::AuthConfig& auth) {
  AclUsers users(RulesContext());
  users.Put(PlainDefaultUser(auth));
  for (const std::string& line : auth.users) {
    if (auto problem = PutLine(line, users)) return tl::unexpected(*problem);
  }
  return users;
}

UserBook::Read UserBook::ReadFile(const config::AuthConfig& auth) {
  std::ifstream file(auth.acl_file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || file.bad()) {
    return tl::unexpected("Error loading ACLs, opening file '" + auth.acl_file +
                          "': " + std::strerror(errno));
  }
  auto read = protocol::ReadAclFile(text, auth.acl_file, RulesContext());
  if (!read) return tl::unexpected(read.error());
  AclUsers users(RulesContext());
  users.Put(PlainDefaultUser(auth));
  for (AclUser& user : *read) users.Put(std::move(user));
  return users;
}

void UserBook::Publish() {
  // shared: see Snapshot.
  auto next = std::make_shared<UsersVersion>();
  // What the keeper has was looked at when it came.
  next->told = AclChanges::Parse(text_).value_or(AclChanges()).Over(settings_users_, RulesContext());
  for (const auto& [name, told] : next->told.All()) {
    AclUser user = *told;
    guard_.Apply(user);
    AddKeptPasswords(user);
    next->users.Put(std::move(user));
  }
  next->guard = guard_;
  next->version = current_->version + 1;
  next->callers.insert(callers_.begin(), callers_.end());
  current_ = std::move(next);
}

void UserBook::TakeChanges(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text == text_) return;
  if (!AclChanges::Parse(text)) {
    return runtime::LogWarning("the users that other proxies have changed cannot be read");
  }
  text_ = text;
  Publish();
}

UserBook::Snapshot UserBook::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

tl::expected<std::string, std::string> UserBook::Edited(const Change& change,
                                                        const std::string& text) const {
  auto changes = AclChanges::Parse(text);
  if (!changes) return tl::unexpected<std::string>("the users that are shared cannot be read");
  const std::lock_guard lock(mutex_);
  const AclUsers before = changes->Over(settings_users_, RulesContext());
  AclUsers after = protocol::CopyOf(before, RulesContext());
  if (auto problem = change(after)) return tl::unexpected(*problem);
  changes->Note(settings_users_, before, after);
  return changes->Text();
}

void UserBook::EditText(Edit edit, std::uint64_t caller, OnChanged done) {
  {
    const std::lock_guard lock(mutex_);
    callers_.insert(caller);
  }
  keeper_(std::move(edit), [this, caller, done = std::move(done)](const Problem& problem) {
    Snapshot current;
    {
      const std::lock_guard lock(mutex_);
      callers_.erase(callers_.find(caller));
      current = current_;
    }
    done(problem ? Changed(tl::unexpected(*problem)) : Changed(std::move(current)));
  });
}

void UserBook::EditOwnText(const Edit& edit, const std::function<void(Problem)>& done) {
  tl::expected<std::string, std::string> edited;
  {
    const std::lock_guard one_by_one(own_edit_mutex_);
    edited = edit(text_);
    if (edited) TakeChanges(*edited);
  }
  done(edited ? std::nullopt : Problem(edited.error()));
}

void UserBook::Make(Change change, std::uint64_t caller, OnChanged done) {
  EditText([this, change = std::move(change)](
               const std::string& text) { return Edited(change, text); },
           caller, std::move(done));
}

void UserBook::LoadFile(std::uint64_t caller, OnChanged done) {
  Read read = ReadFile(*settings_);
  if (!read) return done(tl::unexpected(read.error()));
  {
    const std::lock_guard lock(mutex_);
    settings_users_ = *std::move(read);
    callers_.insert(caller);
    Publish();
    callers_.erase(callers_.find(caller));
  }
  EditText([](const std::string&) { return std::string(); }, caller, std::move(done));
}

bool UserBook::HasFile() const {
  const std::lock_guard lock(mutex_);
  return settings_ && !settings_->acl_file.empty();
}

Problem UserBook::SaveFile() const {
  const std::lock_guard lock(mutex_);
  const auto error = runtime::ReplaceFile(settings_->acl_file,
                                          protocol::WriteAclFile(current_->told), kOwnerOnly);
  if (!error) return std::nullopt;
  runtime::LogWarning("cannot write the ACL file {}: {}", settings_->acl_file,
                      std::strerror(*error));
  return "There was an error trying to save the ACLs. Please check the server logs for more "
         "information";
}

void UserBook::NoteRefusal(protocol::AclLogEvent event, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  log_.Add(std::move(event), now_ms, log_max_);
}

void UserBook::SetLogMax(std::size_t entries_max) {
  const std::lock_guard lock(mutex_);
  log_max_ = entries_max;
}

std::size_t UserBook::LogMax() const {
  const std::lock_guard lock(mutex_);
  return log_max_;
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
