// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/console_view.h"

#include <array>
#include <string>
#include <utility>

#include "proxy/meters/seen.h"
#include "runtime/clock.h"

namespace slotway::proxy {

void NoteNews(const TopologyNews& news, RecentEvents& events) {
  const std::string slots = news.slots > 0 ? std::to_string(news.slots) : "";
  const std::array<RecentEvents::Field, 4> fields = {{{"event", NameOf(news.kind)},
                                                      {"node", news.node},
                                                      {"other", news.other},
                                                      {"slots", slots}}};
  events.Note(fields, runtime::UnixMs());
}

ConsoleCounts CountForConsole(const std::vector<std::unique_ptr<ProxyWorker>>& workers,
                              const WorkerMeters& meters) {
  ConsoleCounts sum;
  runtime::HistogramSum latency_us;
  for (const auto& meter : meters) {
    for (const runtime::Histogram& family : meter->latency_us) latency_us.Add(family);
    for (const runtime::Counter& errors : meter->errors) sum.errors += errors.Get();
  }
  for (std::size_t bucket = 0; bucket <= runtime::Histogram::kBuckets; ++bucket) {
    sum.latencies.push_back(latency_us.CountOf(bucket));
  }
  for (const auto& worker : workers) {
    const SessionCounters& sessions = worker->Sessions();
    const DispatcherCounters& dispatch = worker->Dispatch();
    sum.requests += sessions.requests.Get();
    sum.redirects += dispatch.moved.Get() + dispatch.asked.Get();
    sum.bytes_in += sessions.bytes_in.Get();
    sum.bytes_out += sessions.bytes_out.Get();
    sum.lost_writes += dispatch.lost.Get();
    sum.held_now += dispatch.held_now.Get();
    sum.unready_masters += dispatch.unready_masters.Get();
  }
  return sum;
}

std::vector<ConsoleSlowRequest> SlowRequestsForConsole(const WorkerMeters& meters,
                                                       std::size_t count) {
  constexpr std::int64_t kUsPerMs = 1000;
  std::vector<ConsoleSlowRequest> shown;
  for (SlowRequest& slow : NewestSlowRequests(meters, count)) {
    std::string client = slow.client.address;
    if (!slow.client.name.empty()) client += " " + slow.client.name;
    shown.push_back({slow.time_us / kUsPerMs, slow.times.total_us, slow.times.proxy_us,
                     std::move(slow.args), std::move(client), std::move(slow.node)});
  }
  return shown;
}

std::vector<ConsoleHotKey> HotKeysForConsole(const WorkerMeters& meters, std::size_t count) {
  std::vector<ConsoleHotKey> shown;
  for (HotKeyShare& hot : HottestKeys(meters, count)) {
    shown.push_back({std::move(hot.key), hot.requests_per_second, hot.share});
  }
  return shown;
}

}  // namespace slotway::proxy
