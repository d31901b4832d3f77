// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "protocol/acl_users.h"
#include "proxy/client/client_description.h"
#include "proxy/client/session_registry.h"
#include "proxy/console/console_files.h"
#include "proxy/console/console_json.h"

namespace slotway::proxy {
namespace {

using protocol::AclUsers;
using runtime::HttpRequest;
using runtime::HttpResponse;

constexpr std::string_view kJson = "application/json";
constexpr std::size_t kUserNameMax = 256;
constexpr std::size_t kIdDigits = 8;  // of the process's id, in the cookie's name

// Nothing from elsewhere, no scripts or styles within the page, not in anybody's frame.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse Guarded(HttpResponse response, std::string_view caching) {
  response.headers.emplace_back("Cache-Control", caching);
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return response;
}

HttpResponse Json(std::string body, int status = 200) {
  return Guarded({status, std::string(kJson), std::move(body)}, "no-store");
}

HttpResponse Refusal(int status, std::string_view why) {
  runtime::JsonWriter json;
  json.BeginObject().Key("error").Text(why).EndObject();
  return Json(json.Take(), status);
}

HttpResponse Done() { return Json("{}"); }

std::string_view TypeOf(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "text/html; charset=utf-8";
}

std::uint64_t NumberOf(std::string_view query, std::string_view name) {
  const std::string text = FormValue(query, name);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string Decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size() && DigitOf(text[i + 1]) >= 0 &&
                           DigitOf(text[i + 2]) >= 0;
    if (is_escape) {
      decoded += static_cast<char>(DigitOf(text[i + 1]) * 16 + DigitOf(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

struct SaidClients {
  std::size_t total = 0;
  std::vector<std::pair<std::uint64_t, std::string>> newest;  // by id, descending
};

SaidClients NewestClients(WorkerServices& there) {
  std::vector<ClientSession*> all = there.sessions.All();
  const std::size_t shown = std::min(all.size(), Console::kClientsMax);
  auto is_newer = [](const ClientSession* a, const ClientSession* b) {
    return a->State().id > b->State().id;
  };
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(),
                    is_newer);
  SaidClients said{all.size(), {}};
  for (std::size_t i = 0; i < shown; ++i) {
    said.newest.emplace_back(all[i]->State().id, DescribeClient(*all[i]));
  }
  return said;
}

bool MayEdit(const ConsoleAccess::Viewer& viewer) { return viewer.edits_users; }
bool Anybody(const ConsoleAccess::Viewer&) { return true; }

// Passwords are not noted, nor are their digests.
std::string WithoutSecrets(const std::vector<std::string>& rules) {
  std::string text;
  for (const std::string& rule : rules) {
    if (!text.empty()) text += ' ';
    const bool is_secret = std::string_view("><#!").find(rule.front()) != std::string_view::npos;
    text += is_secret ? rule.substr(0, 1) + "***" : rule;
  }
  return text;
}

}  // namespace

std::string FormValue(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view field = form.substr(0, end);
    const std::size_t mark = std::min(field.find('='), field.size());
    if (field.substr(0, mark) == name) {
      return Decoded(field.substr(std::min(mark + 1, field.size())));
    }
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return {};
}

Console::Console(ConsoleSources sources)
    : sources_(std::move(sources)),
      access_(sources_.book, sources_.settings.admin.console_edits_users,
              sources_.facts().run_id.substr(0, kIdDigits)),
      watch_(sources_) {}

void Console::AddRoutes(runtime::HttpServer::Routes& routes) {
  for (const ConsoleFile& file : ConsoleFiles()) {
    auto serve = [&file](const Request&) {
      return Guarded({200, std::string(TypeOf(file.name)), std::string(file.content)}, "no-cache");
    };
    routes["/console/" + std::string(file.name)] = serve;
    if (file.name == "console.html") routes["/"] = routes["/console"] = serve;
  }
  routes["/api/state"] = [this](const Request& request) { return State(request); };
  routes["/api/clients"] =
      ForAdministrators([this](const Request&, const Answer& answer) { Clients(answer); });
  routes["/api/users"] = ForAdministrators([this](const Request&, const Answer& answer) {
    answer(Json(UsersJson(sources_.book, kUsersMax)));
  });
  routes["/api/slow"] = ForAdministrators([this](const Request&, const Answer& answer) {
    answer(Json(SlowRequestsJson(sources_.slow_requests(kSlowMax))));
  });
  routes["/api/hot"] = ForAdministrators([this](const Request&, const Answer& answer) {
    answer(Json(HotKeysJson(sources_.hot_keys(kHotMax))));
  });
  routes["/api/audit"] = ForAdministrators([this](const Request& request, const Answer& answer) {
    answer(Json(EventsJson(sources_.audit_events.Since(NumberOf(request.query, "event")))));
  });
  routes["/api/login"] = Change(Anybody, [this](const auto&, const Request& request,
                                                const Answer& answer) { answer(LogIn(request)); });
  routes["/api/logout"] = Change(Anybody, [this](const auto&, const Request& request,
                                                 const Answer& answer) { answer(LogOut(request)); });
  routes["/api/users/set"] =
      Change(MayEdit, [this](const auto& viewer, const Request& request, const Answer& answer) {
        SetUser(viewer, request, answer);
      });
  routes["/api/users/delete"] =
      Change(MayEdit, [this](const auto& viewer, const Request& request, const Answer& answer) {
        DeleteUser(viewer, request, answer);
      });
}

Console::Route Console::ForAdministrators(runtime::HttpServer::LaterHandler handler) {
  return Route::Later([this, handler = std::move(handler)](const Request& request,
                                                           const Answer& answer) {
    if (access_.Look(request, NowMs()).sees_all) return handler(request, answer);
    answer(Refusal(401, "log in as a user that may run CLIENT LIST, ACL LIST and SLOWLOG"));
  });
}

Console::Route Console::Change(
    bool (*may)(const ConsoleAccess::Viewer&),
    std::function<void(const ConsoleAccess::Viewer&, const Request&, Answer)> handler) {
  auto checked = [this, may, handler = std::move(handler)](const Request& request,
                                                           const Answer& answer) {
    if (!ConsoleAccess::IsFromPage(request)) {
      return answer(Refusal(403, "not sent by the console's page"));
    }
    const ConsoleAccess::Viewer viewer = access_.Look(request, NowMs());
    if (!may(viewer)) return answer(Refusal(403, "changing users is not allowed here"));
    handler(viewer, request, answer);
  };
  return Route::Later(checked, true);
}

Console::Response Console::State(const Request& request) {
  watch_.NoteLooker();
  const ConsoleSince since = {NumberOf(request.query, "sample"),
                              NumberOf(request.query, "topology"),
                              NumberOf(request.query, "event")};
  return Json(StateJson(sources_, watch_, access_.Look(request, NowMs()), since));
}

void Console::Clients(const Answer& answer) {
  AskWorkers<SaidClients>(sources_, NewestClients, [answer](std::vector<SaidClients> said) {
    SaidClients all;
    for (SaidClients& there : said) {
      all.total += there.total;
      std::move(there.newest.begin(), there.newest.end(), std::back_inserter(all.newest));
    }
    std::sort(all.newest.begin(), all.newest.end(), std::greater<>());
    all.newest.resize(std::min(all.newest.size(), kClientsMax));
    std::vector<std::string> lines;
    for (auto& [id, line] : all.newest) lines.push_back(std::move(line));
    answer(Json(ClientsJson(all.total, lines)));
  });
}

Console::Response Console::LogIn(const Request& request) {
  const std::string user = FormValue(request.body, "user");
  std::string cookie;
  const auto outcome =
      access_.LogIn(request, user, FormValue(request.body, "password"), NowMs(), cookie);
  const bool is_in = outcome == ConsoleAccess::Outcome::kIn;
  const std::string address = request.peer.ToString();
  sources_.audit.NoteConsole(is_in ? "login" : "login_refused", user, address, {});
  switch (outcome) {
    case ConsoleAccess::Outcome::kWrong:
      return Refusal(403, "wrong name or password");
    case ConsoleAccess::Outcome::kNoRights:
      return Refusal(403, "this user may not run CLIENT LIST, ACL LIST and SLOWLOG");
    case ConsoleAccess::Outcome::kTooMany:
      return Refusal(429, "too many attempts; wait half a minute");
    case ConsoleAccess::Outcome::kIn:
      break;
  }
  Response response = Done();
  response.headers.emplace_back("Set-Cookie", cookie);
  return response;
}

Console::Response Console::LogOut(const Request& request) {
  Response response = Done();
  response.headers.emplace_back("Set-Cookie", access_.LogOut(request));
  return response;
}

void Console::SetUser(const ConsoleAccess::Viewer& viewer, const Request& request,
                      const Answer& answer) {
  const std::string name = FormValue(request.body, "name");
  const std::vector<std::string> rules = WordsOf(FormValue(request.body, "rules"));
  if (name.empty() || name.size() > kUserNameMax || protocol::HasAclSpaces(name)) {
    return answer(Refusal(400, "a user needs a name, without spaces"));
  }
  auto change = [name, rules](AclUsers& users) -> UserBook::Problem {
    const std::vector<std::string_view> words(rules.begin(), rules.end());
    auto user = users.Changed(name, words, RulesContext());
    if (!user) return user.error();
    users.Put(std::move(*user));
    return std::nullopt;
  };
  auto note = [this, user = viewer.user, peer = request.peer.ToString(),
               words = "SETUSER " + name + " " + WithoutSecrets(rules)] {
    sources_.audit.NoteConsole("command", user, peer, words);
  };
  ChangeUsers(change, note, answer);
}

void Console::DeleteUser(const ConsoleAccess::Viewer& viewer, const Request& request,
                         const Answer& answer) {
  const std::string name = FormValue(request.body, "name");
  auto change = [name](AclUsers& users) -> UserBook::Problem {
    if (name == protocol::kDefaultUser) return "The 'default' user cannot be removed";
    if (users.Find(name) == nullptr) return "User '" + name + "' not found";
    users.Remove(name);
    return std::nullopt;
  };
  auto note = [this, user = viewer.user, peer = request.peer.ToString(),
               words = "DELUSER " + name] {
    sources_.audit.NoteConsole("command", user, peer, words);
  };
  ChangeUsers(change, note, answer);
}

void Console::ChangeUsers(UserBook::Change change, std::function<void()> note,
                          const Answer& answer) {
  constexpr std::uint64_t kNoSession = 0;
  sources_.book.Make(std::move(change), kNoSession,
                     [&loop = sources_.loop, note = std::move(note),
                      answer](const UserBook::Changed& changed) {
                       const std::string error = changed ? "" : changed.error();
                       loop.Post([note, answer, error] {
                         if (!error.empty()) return answer(Refusal(400, error));
                         note();
                         answer(Done());
                       });
                     });
}

}  // namespace slotway::proxy
