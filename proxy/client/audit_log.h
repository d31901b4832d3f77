// SPDX-License-Identifier: Apache-2.0
// Who logged in, what was refused to whom, and who changed users, settings or others' connections:
// an event per line of a file of its own.
//
// Passwords, their digests and values of settings are never in it. Any thread; while there is neither
// a file nor a console to tell, nothing is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/command_table.h"
#include "proxy/client/recent_events.h"
#include "runtime/json_log.h"
#include "runtime/result.h"

namespace slotway::proxy {

class ClientSession;

class AuditLog {
 public:
  AuditLog();

  // Tells these, too, from now on. Before the first event.
  void TellTo(RecentEvents& recent);
  // The settings' file from now on. An error means that nothing has changed.
  runtime::Result<void> Open(const config::AuditConfig& settings);

  void NoteLogin(ClientSession& session, std::string_view user, bool is_accepted);
  // `reason` is "command", "key" or "channel", `object` what was refused.
  void NoteDenial(ClientSession& session, std::string_view reason, std::string_view object);
  // A command that was allowed, if it is one of those that are noted: what changes users, settings,
  // functions or all keys, or ends others' connections.
  void NoteCommand(ClientSession& session, protocol::CommandId id,
                   std::span<const std::string_view> args) {
    if (Notes(id) && is_on_.load(std::memory_order_relaxed)) [[unlikely]] {
      NoteIfAsked(session, id, args);
    }
  }
  bool Notes(protocol::CommandId id) const { return noted_[id] != 0; }
  // What somebody has done in the console: "login", "login_refused", "command".
  void NoteConsole(std::string_view event, std::string_view user, std::string_view address,
                   std::string_view words);
  // Settings that a reload has changed, by name, or why it has not.
  void NoteReload(const std::vector<std::string>& changed, std::string_view error);

 private:
  using Field = runtime::JsonLog::Field;
  void NoteIfAsked(ClientSession& session, protocol::CommandId id,
                   std::span<const std::string_view> args);
  void Write(ClientSession& session, std::string_view event, std::string_view user,
             std::span<const Field> more);
  void Write(std::span<const Field> fields);

  std::vector<std::uint8_t> noted_;  // by command; 0: it is not
  runtime::JsonLog log_;
  RecentEvents* recent_ = nullptr;
  std::atomic<bool> is_on_{false};
};

}  // namespace slotway::proxy
