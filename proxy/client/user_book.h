// SPDX-License-Identifier: Apache-2.0
// The users of a process: who there is, from the settings, an ACL file or ACL SETUSER, and what was
// refused to them lately.
//
// They are those of the settings, changed by what commands have said since; of the changes there is a
// text, which a keeper may share with other processes. Users are published as immutable snapshots,
// which every worker keeps as long as its sessions refer to it. Thread-safe; a lock, as nothing of it
// is hot.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/acl_guard.h"
#include "protocol/acl_log.h"
#include "protocol/acl_users.h"
#include "proxy/client/user_loads.h"

namespace slotway::proxy {

// Rules are read as Redis does with `acl-pubsub-default resetchannels`.
const protocol::AclContext& RulesContext();

struct UsersVersion {
  // As they count: less what the settings withhold (limits.dangerous_commands), and with passwords
  // that are accepted for a while yet.
  protocol::AclUsers users{RulesContext()};
  protocol::AclUsers told{RulesContext()};  // as they are shown
  protocol::AclGuard guard = {};
  std::uint64_t version = 0;  // grows with each change
  // The sessions whose requests may have made it: they are answered before they are cut off.
  std::set<std::uint64_t> callers = {};
};

class UserBook {
 public:
  // shared: immutable, and referred to by the sessions of all workers.
  using Snapshot = std::shared_ptr<const UsersVersion>;
  using Problem = std::optional<std::string>;
  using Changed = tl::expected<Snapshot, std::string>;
  using Change = std::function<Problem(protocol::AclUsers&)>;
  using OnChanged = std::function<void(Changed)>;

  // Where the text of all changes is kept. `edit` makes a new text of the one there is, or an error;
  // it may be called several times, when others come first. By the time `done` is called without an
  // error, TakeChanges() has got the new one. Any thread; `done` may be called on another one.
  using Edit = std::function<tl::expected<std::string, std::string>(const std::string& text)>;
  using Keeper = std::function<void(Edit edit, std::function<void(Problem)> done)>;

  UserBook();

  // Before anything is changed; else changes are kept in here only.
  void KeepIn(Keeper keeper) { keeper_ = std::move(keeper); }
  // What the keeper has. A text that cannot be read is noted, and nothing changes.
  void TakeChanges(const std::string& text);

  // The password, users and ACL file of the settings; at a reload what has changed of them. Changes
  // by ACL SETUSER stay, but for users of whom the settings say something new. An error means that
  // nothing has changed.
  Problem ApplySettings(const config::AuthConfig& auth,
                        const config::LimitsConfig& limits = config::LimitsConfig());
  // Ends the time of passwords that are accepted although they were replaced; whether there is a new
  // version for it.
  bool EndPasswords(std::uint64_t now_ms);
  Snapshot Current() const;
  // Makes a new version of what `change` leaves, unless it answers with an error. `change` may be
  // called several times, on any thread. `caller` is the session that asks for it.
  void Make(Change change, std::uint64_t caller, OnChanged done);
  // Whether there is an ACL file. The texts of all errors are Redis's, without "ERR".
  bool HasFile() const;
  // All users become those of the file, or none changes.
  void LoadFile(std::uint64_t caller, OnChanged done);
  Problem SaveFile() const;

  // What the users take.
  UserLoads& Loads() { return loads_; }

  void NoteRefusal(protocol::AclLogEvent event, std::int64_t now_ms);
  void ClearLog();
  void SetLogMax(std::size_t entries_max);  // acllog-max-len
  std::size_t LogMax() const;
  std::deque<protocol::AclLogEntry> Log() const;

 private:
  using Read = tl::expected<protocol::AclUsers, std::string>;

  Problem ApplyUsers(const config::AuthConfig& auth, const protocol::AclGuard& guard);
  static Read ReadFile(const config::AuthConfig& auth);
  static Read ReadSettings(const config::AuthConfig& auth);
  tl::expected<std::string, std::string> Edited(const Change& change, const std::string& text) const;
  void EditText(Edit edit, std::uint64_t caller, OnChanged done);
  void EditOwnText(const Edit& edit, const std::function<void(Problem)>& done);
  void KeepPasswords(const protocol::AclUsers& before, std::uint32_t window_ms);
  void AddKeptPasswords(protocol::AclUser& user) const;
  void Publish();

  mutable std::mutex mutex_;
  std::mutex own_edit_mutex_;  // changes that nobody else keeps are made one by one
  Keeper keeper_;
  protocol::AclUsers settings_users_{RulesContext()};
  std::string text_;  // the changes to them
  std::multiset<std::uint64_t> callers_;  // of changes under way
  Snapshot current_;
  std::optional<config::AuthConfig> settings_;  // as applied last
  struct KeptPassword {
    std::string user;
    std::string hash;
    std::uint64_t until_ms;  // monotonic
  };
  std::vector<KeptPassword> kept_passwords_;
  protocol::AclGuard guard_;
  protocol::AclLog log_;
  std::size_t log_max_ = 128;
  UserLoads loads_;
};

}  // namespace slotway::proxy
