// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/settings_change.h"

#include <string_view>
#include <tuple>

namespace slotway::proxy {
namespace {

using config::ProxyConfig;

struct Part {
  std::string_view name;
  bool is_live;  // takes effect without a restart
  bool (*is_same)(const ProxyConfig&, const ProxyConfig&);
  void (*copy)(ProxyConfig& to, const ProxyConfig& from);
};

// `Get` picks the part out of the settings.
template <class Get>
constexpr Part MakePart(std::string_view name, bool is_live, Get) {
  return {name, is_live,
          [](const ProxyConfig& a, const ProxyConfig& b) { return Get{}(a) == Get{}(b); },
          [](ProxyConfig& to, const ProxyConfig& from) { Get{}(to) = Get{}(from); }};
}
template <class Get>
constexpr Part Live(std::string_view name, Get get) {
  return MakePart(name, true, get);
}
template <class Get>
constexpr Part Fixed(std::string_view name, Get get) {
  return MakePart(name, false, get);
}

constexpr Part kParts[] = {
    Live("listeners", [](auto& c) -> auto& { return c.listeners; }),
    Fixed("backend.kind", [](auto& c) -> auto& { return c.backend.kind; }),
    Live("backend.seeds", [](auto& c) -> auto& { return c.backend.seeds; }),
    Live("backend.username", [](auto& c) -> auto& { return c.backend.username; }),
    Live("backend.password", [](auto& c) -> auto& { return c.backend.password; }),
    Live("backend.password_file", [](auto& c) -> auto& { return c.backend.password_file; }),
    Live("backend.password_window_ms",
         [](auto& c) -> auto& { return c.backend.password_window_ms; }),
    Fixed("backend.databases", [](auto& c) -> auto& { return c.backend.databases; }),
    Fixed("backend.keeps_users", [](auto& c) -> auto& { return c.backend.keeps_users; }),
    Live("backend.connect_timeout_ms",
         [](auto& c) -> auto& { return c.backend.connect_timeout_ms; }),
    Live("backend.response_timeout_ms",
         [](auto& c) -> auto& { return c.backend.response_timeout_ms; }),
    Live("backend.ping_interval_ms", [](auto& c) -> auto& { return c.backend.ping_interval_ms; }),
    Live("backend.topology", [](auto& c) -> auto& { return c.backend.topology; }),
    Fixed("backend.sentinel.master_name",
          [](auto& c) -> auto& { return c.backend.sentinel.master_name; }),
    // But for the name: who the proxy is to them.
    Live("backend.sentinel",
         [](auto& c) {
           auto& sentinel = c.backend.sentinel;
           return std::tie(sentinel.username, sentinel.password, sentinel.password_file);
         }),
    Live("backend.replicas", [](auto& c) -> auto& { return c.backend.replicas; }),
    Live("backend.tls", [](auto& c) -> auto& { return c.backend.tls; }),
    Live("auth", [](auto& c) -> auto& { return c.auth; }),
    Fixed("workers", [](auto& c) -> auto& { return c.workers; }),
    Fixed("pause_max_us", [](auto& c) -> auto& { return c.pause_max_us; }),
    Live("limits", [](auto& c) -> auto& { return c.limits; }),
    Live("routing", [](auto& c) -> auto& { return c.routing; }),
    Live("hold", [](auto& c) -> auto& { return c.hold; }),
    Live("retry", [](auto& c) -> auto& { return c.retry; }),
    Live("announce", [](auto& c) -> auto& { return c.announce; }),
    Fixed("admin", [](auto& c) -> auto& { return c.admin; }),
    Live("log", [](auto& c) -> auto& { return c.log; }),
    Live("audit", [](auto& c) -> auto& { return c.audit; }),
    Live("slow_requests", [](auto& c) -> auto& { return c.slow_requests; }),
    Live("hot_keys", [](auto& c) -> auto& { return c.hot_keys; }),
    Live("access_log", [](auto& c) -> auto& { return c.access_log; }),
    Live("tcp", [](auto& c) -> auto& { return c.tcp; }),
    Live("idle_timeout_ms", [](auto& c) -> auto& { return c.idle_timeout_ms; }),
    Live("shutdown_grace_ms", [](auto& c) -> auto& { return c.shutdown_grace_ms; }),
    Live("shutdown_drain_ms", [](auto& c) -> auto& { return c.shutdown_drain_ms; }),
};

}  // namespace

SettingsChange CompareSettings(const ProxyConfig& now, const ProxyConfig& fresh) {
  SettingsChange change{now, {}, {}};
  for (const Part& part : kParts) {
    if (part.is_same(now, fresh)) continue;
    (part.is_live ? change.applied : change.needs_restart).emplace_back(part.name);
    if (part.is_live) part.copy(change.effective, fresh);
  }
  return change;
}

std::vector<std::string> ReloadableNames() {
  std::vector<std::string> names;
  for (const Part& part : kParts) names.emplace_back(part.name);
  return names;
}

}  // namespace slotway::proxy
