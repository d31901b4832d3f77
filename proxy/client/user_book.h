// SPDX-License-Identifier: Apache-2.0
// The users of a process: who there is, from the settings, an ACL file or ACL SETUSER, and what was
// refused to them lately.
//
// Users are published as immutable snapshots, which every worker keeps as long as its sessions refer
// to it. Changes are made one after the other. Thread-safe; a lock, as nothing of it is hot.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/acl_log.h"
#include "protocol/acl_users.h"

namespace slotway::proxy {

// Rules are read as Redis does with `acl-pubsub-default resetchannels`.
const protocol::AclContext& RulesContext();

struct UsersVersion {
  protocol::AclUsers users{RulesContext()};
  std::uint64_t version = 0;  // grows with each change
};

class UserBook {
 public:
  // shared: immutable, and referred to by the sessions of all workers.
  using Snapshot = std::shared_ptr<const UsersVersion>;
  using Problem = std::optional<std::string>;

  UserBook();

  // The password, users and ACL file of the settings; at a reload what has changed of them. Users
  // that ACL SETUSER has made stay. An error means that nothing has changed.
  Problem ApplySettings(const config::AuthConfig& auth);
  Snapshot Current() const;
  // Makes a new version of what `change` leaves, unless it answers with an error.
  tl::expected<Snapshot, std::string> Change(
      const std::function<Problem(protocol::AclUsers&)>& change);
  // Whether there is an ACL file. The texts of both errors are Redis's, without "ERR".
  bool HasFile() const;
  // All users become those of the file, or none changes.
  tl::expected<Snapshot, std::string> LoadFile();
  Problem SaveFile() const;

  void NoteRefusal(protocol::AclLogEvent event, std::int64_t now_ms);
  void ClearLog();
  std::deque<protocol::AclLogEntry> Log() const;

 private:
  static Problem ReadFile(const config::AuthConfig& auth, protocol::AclUsers& users);
  Problem ReadSettings(const config::AuthConfig& auth, protocol::AclUsers& users) const;
  Snapshot Publish(protocol::AclUsers users);

  mutable std::mutex mutex_;
  Snapshot current_;
  std::optional<config::AuthConfig> settings_;  // as applied last
  protocol::AclLog log_;
};

}  // namespace slotway::proxy
