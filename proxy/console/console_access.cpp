// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console_access.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "protocol/acl_check.h"
#include "protocol/command_table.h"
#include "runtime/random.h"
#include "runtime/socket_address.h"

namespace slotway::proxy {
namespace {

using protocol::AclUser;
using runtime::HttpRequest;
using Request = std::array<std::string_view, 3>;

constexpr std::array<Request, 3> kToSee = {
    {{"client", "list", ""}, {"acl", "list", ""}, {"slowlog", "get", ""}}};
constexpr Request kToEdit = {"acl", "setuser", "somebody"};

bool MayRun(const AclUser& user, const Request& request) {
  const std::span<const std::string_view> args(request.data(), request.back().empty() ? 2 : 3);
  std::vector<protocol::KeyPosition> keys;
  const protocol::CommandSpec* spec = protocol::FindCommand(args);
  return spec != nullptr && protocol::CheckAcl(user, *spec, args, keys).IsAllowed();
}

bool MaySee(const AclUser& user) {
  return std::all_of(kToSee.begin(), kToSee.end(),
                     [&](const Request& request) { return MayRun(user, request); });
}

std::string PasswordsOf(const AclUser& user) {
  std::string all;
  for (const std::string& hash : user.PasswordHashes()) all += hash;
  return all;
}

// Whether the request was sent to an address or to localhost, whatever the port.
bool IsToAddress(const HttpRequest& request) {
  std::string host(request.Header("host"));
  if (host.empty()) return true;  // no browser
  if (host.starts_with('[') && host.find(']') != std::string::npos) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host.resize(std::min(host.rfind(':'), host.size()));
  }
  return host == "localhost" || host.ends_with(".localhost") ||
         runtime::SocketAddress::FromNumeric(host, 1).has_value();
}

}  // namespace

bool ConsoleAccess::IsFromPage(const HttpRequest& request) {
  return request.Header("x-slotway-console") == "1";
}

std::string ConsoleAccess::TokenOf(const HttpRequest& request) const {
  std::string_view cookies = request.Header("cookie");
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view cookie = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    cookie.remove_prefix(std::min(cookie.find_first_not_of(' '), cookie.size()));
    if (cookie.starts_with(cookie_name_ + "=")) {
      return std::string(cookie.substr(cookie_name_.size() + 1));
    }
  }
  return {};
}

ConsoleAccess::Session* ConsoleAccess::SessionOf(const HttpRequest& request, std::uint64_t now_ms) {
  auto found = sessions_.find(TokenOf(request));
  if (found == sessions_.end()) return nullptr;
  Session& session = found->second;
  const AclUser* user = book_.Current()->users.Find(session.user);
  if (user == nullptr || !user->IsEnabled() || PasswordsOf(*user) != session.passwords ||
      now_ms - session.used_at_ms > kSessionIdleMs) {
    sessions_.erase(found);
    return nullptr;
  }
  session.used_at_ms = now_ms;
  return &session;
}

ConsoleAccess::Viewer ConsoleAccess::Look(const HttpRequest& request, std::uint64_t now_ms) {
  const UserBook::Snapshot users = book_.Current();
  Viewer viewer;
  viewer.needs_login = !users->users.Default().IsOpen() || !MaySee(users->users.Default());
  viewer.sees_all = !viewer.needs_login && IsToAddress(request);
  if (const Session* session = SessionOf(request, now_ms)) {
    const AclUser* user = users->users.Find(session->user);
    viewer.user = session->user;
    viewer.sees_all = viewer.sees_all || MaySee(*user);
    viewer.edits_users = may_edit_ && MayRun(*user, kToEdit);
  }
  return viewer;
}

ConsoleAccess::Outcome ConsoleAccess::LogIn(const HttpRequest& request, std::string_view name,
                                            std::string_view password, std::uint64_t now_ms,
                                            std::string& cookie) {
  const std::string address = request.peer.Host();
  if (IsLocked(address, now_ms)) return Outcome::kTooMany;
  const UserBook::Snapshot users = book_.Current();
  const AclUser* user = users->users.Find(name);
  // Who needs no password proves nothing by one.
  if (user == nullptr || user->HasNoPassword() ||
      !user->Accepts(password, RulesContext().hash)) {
    NoteFailure(address, now_ms);
    return Outcome::kWrong;
  }
  if (!MaySee(*user)) return Outcome::kNoRights;
  attempts_.erase(address);
  if (sessions_.size() >= kSessionsMax) {
    sessions_.erase(std::min_element(
        sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
          return a.second.used_at_ms < b.second.used_at_ms;
        }));
  }
  const std::string token = runtime::RandomHexId(64);
  sessions_[token] = {std::string(name), PasswordsOf(*user), now_ms};
  cookie = cookie_name_ + "=" + token + "; Path=/; HttpOnly; SameSite=Strict";
  return Outcome::kIn;
}

std::string ConsoleAccess::LogOut(const HttpRequest& request) {
  sessions_.erase(TokenOf(request));
  return cookie_name_ + "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
}

bool ConsoleAccess::IsLocked(const std::string& address, std::uint64_t now_ms) {
  std::erase_if(attempts_,
                [&](const auto& entry) { return now_ms - entry.second.last_ms > kLockedMs; });
  auto found = attempts_.find(address);
  if (found == attempts_.end()) return attempts_.size() >= kAddressesMax;
  return found->second.failed >= kAttemptsMax;
}

void ConsoleAccess::NoteFailure(const std::string& address, std::uint64_t now_ms) {
  Attempts& attempts = attempts_[address];
  ++attempts.failed;
  attempts.last_ms = now_ms;
}

}  // namespace slotway::proxy
