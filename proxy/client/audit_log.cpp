// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/audit_log.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/client/client_session.h"
#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

constexpr std::size_t kWordsMax = 16;  // of a request that are shown
constexpr std::size_t kWordBytesMax = 128;
constexpr std::string_view kHidden = "***";

// Which words of a request may be shown.
enum class Shown : std::uint8_t { kNothing, kAll, kRules, kNames };

struct Noted {
  std::string_view full_name;
  Shown shown;
};
constexpr Noted kNoted[] = {
    {"acl|setuser", Shown::kRules},   {"acl|deluser", Shown::kAll},
    {"acl|load", Shown::kAll},        {"acl|save", Shown::kAll},
    {"acl|log", Shown::kAll},         {"config|set", Shown::kNames},
    {"config|rewrite", Shown::kAll},  {"config|resetstat", Shown::kAll},
    {"client|kill", Shown::kAll},     {"client|pause", Shown::kAll},
    {"client|unpause", Shown::kAll},  {"client|unblock", Shown::kAll},
    {"flushall", Shown::kAll},        {"flushdb", Shown::kAll},
    {"function|delete", Shown::kAll}, {"function|flush", Shown::kAll},
    {"function|load", Shown::kNothing}, {"function|restore", Shown::kNothing},
    {"monitor", Shown::kAll},         {"debug", Shown::kAll},
    {"slowlog|reset", Shown::kAll},   {"slotway|reset", Shown::kAll},     {"script|flush", Shown::kAll},
    {"script|kill", Shown::kAll},     {"function|kill", Shown::kAll},
};

// By command; nullptr: it is not noted.
const Noted* FindNoted(protocol::CommandId id) {
  static const auto by_id = [] {
    std::vector<const Noted*> all(protocol::CommandIdCount(), nullptr);
    for (const Noted& noted : kNoted) {
      all[protocol::IdOf(*protocol::FindCommandByFullName(noted.full_name))] = &noted;
    }
    return all;
  }();
  return by_id[id];
}

bool IsSecretRule(std::string_view rule) {
  return !rule.empty() && std::string_view("><#!").find(rule.front()) != std::string_view::npos;
}

std::string WordsOf(Shown shown, std::span<const std::string_view> args) {
  std::string words;
  const std::size_t first = args.size() > 1 && shown != Shown::kNothing ? 1 : args.size();
  for (std::size_t i = first; i < std::min(args.size(), kWordsMax); ++i) {
    const bool is_value = shown == Shown::kNames && i >= 3 && i % 2 == 1;
    const bool is_secret = shown == Shown::kRules && IsSecretRule(args[i]);
    if (!words.empty()) words += ' ';
    if (is_secret) words += args[i].front();
    words += is_value || is_secret ? kHidden : args[i].substr(0, kWordBytesMax);
  }
  if (first < args.size() && args.size() > kWordsMax) words += " ...";
  return words;
}

}  // namespace

AuditLog::AuditLog() : noted_(protocol::CommandIdCount()) {
  for (std::size_t id = 0; id < noted_.size(); ++id) {
    noted_[id] = FindNoted(static_cast<protocol::CommandId>(id)) != nullptr;
  }
}

void AuditLog::TellTo(RecentEvents& recent) {
  recent_ = &recent;
  is_on_ = true;
}

runtime::Result<void> AuditLog::Open(const config::AuditConfig& settings) {
  auto opened = log_.Open({settings.file, settings.rotate_bytes, settings.rotate_files});
  if (!opened) return runtime::Fail("audit.file: " + opened.error().text);
  is_on_ = log_.IsOpen() || recent_ != nullptr;
  return {};
}

void AuditLog::Write(ClientSession& session, std::string_view event, std::string_view user,
                     std::span<const Field> more) {
  const std::string address = session.PeerAddress().ToString();
  const std::string id = std::to_string(session.State().id);
  std::vector<Field> fields = {
      {"event", event}, {"user", user}, {"client", address}, {"client_id", id}};
  fields.insert(fields.end(), more.begin(), more.end());
  Write(fields);
}

void AuditLog::Write(std::span<const Field> fields) {
  log_.Write(fields);
  if (recent_ != nullptr) recent_->Note(fields, runtime::UnixMs());
}

void AuditLog::NoteConsole(std::string_view event, std::string_view user, std::string_view address,
                           std::string_view words) {
  const std::array<Field, 5> fields = {{{"event", event},
                                        {"user", user.substr(0, kWordBytesMax)},
                                        {"client", address},
                                        {"by", "console"},
                                        {"words", words}}};
  Write(fields);
}

void AuditLog::NoteLogin(ClientSession& session, std::string_view user, bool is_accepted) {
  if (!is_on_) return;
  Write(session, is_accepted ? "login" : "login_refused", user.substr(0, kWordBytesMax), {});
}

void AuditLog::NoteDenial(ClientSession& session, std::string_view reason,
                          std::string_view object) {
  if (!is_on_) return;
  const std::array<Field, 2> more = {
      {{"reason", reason}, {"object", object.substr(0, kWordBytesMax)}}};
  Write(session, "denied", session.State().user->Name(), more);
}

void AuditLog::NoteIfAsked(ClientSession& session, protocol::CommandId id,
                           std::span<const std::string_view> args) {
  const Noted* noted = FindNoted(id);
  if (noted == nullptr) return;
  const std::string words = WordsOf(noted->shown, args);
  const std::array<Field, 2> more = {{{"command", noted->full_name}, {"words", words}}};
  Write(session, "command", session.State().user->Name(), more);
}

void AuditLog::NoteReload(const std::vector<std::string>& changed, std::string_view error) {
  std::string names;
  for (const std::string& name : changed) names += (names.empty() ? "" : " ") + name;
  const std::array<Field, 3> fields = {
      {{"event", error.empty() ? "reload" : "reload_failed"}, {"settings", names}, {"error", error}}};
  Write(fields);
}

}  // namespace slotway::proxy
