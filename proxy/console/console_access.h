// SPDX-License-Identifier: Apache-2.0
// Who looks at the console, and what he may see and do there.
//
// What names clients, keys and users is for administrators: users that may run CLIENT LIST, ACL LIST
// and SLOWLOG GET. As long as the default user is one and needs no password, it is also for whoever
// asked for the console by an address or as localhost; other names could be those of a page that
// leads its visitors here (DNS rebinding). Who has logged in has a cookie, which ends with the
// process, after a while, and when the user's passwords change. Belongs to the main loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "proxy/client/user_book.h"
#include "runtime/http_server.h"

namespace slotway::proxy {

class ConsoleAccess {
 public:
  static constexpr std::size_t kSessionsMax = 64;
  static constexpr std::uint64_t kSessionIdleMs = 30 * 60'000;
  // Wrong passwords from one address, and how long it waits then.
  static constexpr std::uint32_t kAttemptsMax = 5;
  static constexpr std::uint64_t kLockedMs = 30'000;
  static constexpr std::size_t kAddressesMax = 1024;

  struct Viewer {
    std::string user;         // who has logged in, or empty
    bool needs_login = true;  // others see only what metrics show, too
    bool sees_all = false;
    bool edits_users = false;
  };
  enum class Outcome { kIn, kWrong, kNoRights, kTooMany };

  // `process_id` tells cookies of several proxies apart, which a browser may hold together.
  ConsoleAccess(const UserBook& book, bool may_edit, std::string_view process_id)
      : book_(book), may_edit_(may_edit), cookie_name_("slotway_" + std::string(process_id)) {}

  Viewer Look(const runtime::HttpRequest& request, std::uint64_t now_ms);
  // With kIn, `cookie` becomes the value of a Set-Cookie header.
  Outcome LogIn(const runtime::HttpRequest& request, std::string_view user,
                std::string_view password, std::uint64_t now_ms, std::string& cookie);
  // The value of a Set-Cookie header.
  std::string LogOut(const runtime::HttpRequest& request);

  // Whether the request comes from the console's own page: no other page can send this header
  // without being asked first, and none is allowed to when it asks.
  static bool IsFromPage(const runtime::HttpRequest& request);

 private:
  struct Session {
    std::string user;
    std::string passwords;  // their digests, at the login
    std::uint64_t used_at_ms = 0;
  };
  struct Attempts {
    std::uint32_t failed = 0;
    std::uint64_t last_ms = 0;
  };

  std::string TokenOf(const runtime::HttpRequest& request) const;
  // nullptr if there is none, or it has ended.
  Session* SessionOf(const runtime::HttpRequest& request, std::uint64_t now_ms);
  bool IsLocked(const std::string& address, std::uint64_t now_ms);
  void NoteFailure(const std::string& address, std::uint64_t now_ms);

  const UserBook& book_;
  bool may_edit_;
  std::string cookie_name_;
  std::map<std::string, Session, std::less<>> sessions_;  // by the cookie's value
  std::map<std::string, Attempts> attempts_;              // by address
};

}  // namespace slotway::proxy
