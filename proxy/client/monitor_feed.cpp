// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/monitor_feed.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "protocol/monitor_line.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

std::string NameOf(const ClientSession& session) {
  runtime::SocketAddress peer = session.PeerAddress();
  return peer.IsUnix() ? "unix:" + session.LocalAddress().Host() : peer.ToString();
}

}  // namespace

MonitorFeed::Listener& MonitorFeed::ListenerAt(std::size_t worker) {
  if (listeners_.size() <= worker) listeners_.resize(worker + 1);
  Listener& listener = listeners_[worker];
  if (!listener.bytes_on_their_way) {
    // shared: see its declaration.
    listener.bytes_on_their_way = std::make_shared<std::atomic<std::size_t>>(0);
  }
  return listener;
}

std::size_t MonitorFeed::MonitorsOfAllWorkers() const {
  return std::accumulate(
      listeners_.begin(), listeners_.end(), std::size_t{0},
      [](std::size_t sum, const Listener& listener) { return sum + listener.monitors; });
}

void MonitorFeed::CountMonitor(WorkerServices& services, std::size_t worker, bool is_more) {
  Listener& listener = services.monitors.ListenerAt(worker);
  is_more ? ++listener.monitors : --listener.monitors;
  bool is_watched = services.monitors.MonitorsOfAllWorkers() > 0;
  auto with = [is_watched](std::uint8_t ways) {
    return static_cast<std::uint8_t>(is_watched ? ways | kIsWatched : ways & ~kIsWatched);
  };
  services.common_ways = with(services.common_ways);
  services.sessions.ForEach([&](ClientSession& session) {
    session.State().ways = with(session.State().ways);
  });
}

void MonitorFeed::Leave(WorkerServices& services, std::uint64_t client) {
  std::erase(services.monitors.own_, client);
  const Colleagues& colleagues = services.colleagues;
  for (std::size_t worker = 0; worker < colleagues.count; ++worker) {
    colleagues.post(worker, [home = colleagues.own_index](WorkerServices& there) {
      CountMonitor(there, home, false);
    });
  }
}

void MonitorFeed::Show(WorkerServices& services, const ClientSession& session,
                       const Request& request) {
  if (request.spec->flags.Has(protocol::CommandFlag::kAdmin)) return;
  MonitorFeed& feed = services.monitors;
  if (feed.lines_.empty() && !feed.is_overrun_) {
    services.loop.Defer([&services] { PassOn(services); });
  }
  std::size_t most = services.settings.limits.pubsub_output_max_bytes;
  feed.is_overrun_ |= feed.lines_.size() + request.bytes.size() > most;
  if (feed.is_overrun_) return;
  protocol::AppendMonitorLine(*request.spec, request.args, runtime::UnixUs(),
                              session.State().database, NameOf(session), feed.lines_);
}

void MonitorFeed::PassOn(WorkerServices& services) {
  MonitorFeed& feed = services.monitors;
  // shared: see Lines.
  auto lines = std::make_shared<const std::string>(std::exchange(feed.lines_, {}));
  bool is_overrun = std::exchange(feed.is_overrun_, false);
  const Colleagues& colleagues = services.colleagues;
  for (std::size_t worker = 0; worker < feed.listeners_.size(); ++worker) {
    Listener& listener = feed.listeners_[worker];
    if (listener.monitors == 0) continue;
    if (worker == colleagues.own_index) {
      Deliver(services, *lines, is_overrun);
      continue;
    }
    auto on_their_way = listener.bytes_on_their_way;
    listener.is_overrun |= is_overrun;
    if (on_their_way->load(std::memory_order_relaxed) >
        services.settings.limits.pubsub_output_max_bytes) {
      listener.is_overrun = true;
      continue;
    }
    on_their_way->fetch_add(lines->size(), std::memory_order_relaxed);
    colleagues.post(worker, [lines, on_their_way,
                             is_cut = std::exchange(listener.is_overrun, false)](
                                WorkerServices& there) {
      on_their_way->fetch_sub(lines->size(), std::memory_order_relaxed);
      Deliver(there, *lines, is_cut);
    });
  }
}

void MonitorFeed::Deliver(WorkerServices& services, std::string_view lines, bool is_overrun) {
  // A copy: who is cut leaves.
  std::vector<std::uint64_t> monitors = services.monitors.own_;
  for (std::uint64_t id : monitors) {
    ClientSession* session = services.sessions.Find(id);
    if (session != nullptr) session->PushToMonitor(lines, is_overrun);
  }
}

}  // namespace slotway::proxy
