// SPDX-License-Identifier: Apache-2.0
// The console: a page for people on the admin port, and what it asks.
//
//   GET /, /console         the page; its files are at /console/NAME
//   GET /api/state          ?sample=&topology=&event=: what the page has already
//   GET /api/clients        the newest clients              )
//   GET /api/users          users and their rules           ) for administrators, see
//   GET /api/slow           the newest slow commands        ) ConsoleAccess
//   GET /api/hot            the hottest keys                )
//   GET /api/audit          ?event=: who did what           )
//   POST /api/login         user=&password=
//   POST /api/logout
//   POST /api/users/set     name=&rules=: as ACL SETUSER    ) if console_edits_users is on
//   POST /api/users/delete  name=                           )
//
// Bodies are forms, answers are JSON; an error is {"error": "why"}. Each call does bounded work.
// Belongs to the main loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proxy/console/console_access.h"
#include "proxy/console/console_sources.h"
#include "proxy/console/console_watch.h"
#include "runtime/http_server.h"

namespace slotway::proxy {

class Console {
 public:
  static constexpr std::size_t kClientsMax = 200;  // that are shown
  static constexpr std::size_t kUsersMax = 500;
  static constexpr std::size_t kSlowMax = 50;
  static constexpr std::size_t kHotMax = 20;

  // The names that `sources` has must stay; it is copied.
  explicit Console(ConsoleSources sources);

  // The routes refer to this.
  void AddRoutes(runtime::HttpServer::Routes& routes);

 private:
  using Request = runtime::HttpRequest;
  using Response = runtime::HttpResponse;
  using Answer = runtime::HttpServer::Answer;
  using Route = runtime::HttpServer::Route;

  // Those that only administrators may ask.
  Route ForAdministrators(runtime::HttpServer::LaterHandler handler);
  // Those that change something, for those of `may` only.
  Route Change(bool (*may)(const ConsoleAccess::Viewer&),
               std::function<void(const ConsoleAccess::Viewer&, const Request&, Answer)> handler);

  Response State(const Request& request);
  void Clients(const Answer& answer);
  Response LogIn(const Request& request);
  Response LogOut(const Request& request);
  void SetUser(const ConsoleAccess::Viewer& viewer, const Request& request, const Answer& answer);
  void DeleteUser(const ConsoleAccess::Viewer& viewer, const Request& request,
                  const Answer& answer);
  void ChangeUsers(UserBook::Change change, std::function<void()> note, const Answer& answer);
  std::uint64_t NowMs() const { return sources_.loop.NowMs(); }

  ConsoleSources sources_;
  ConsoleAccess access_;
  ConsoleWatch watch_;
};

// The value of `name` in "a=1&b=two+words", decoded; empty if it is not there.
std::string FormValue(std::string_view form, std::string_view name);

}  // namespace slotway::proxy
