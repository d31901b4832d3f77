// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/console_view.h"

#include <array>
#include <string>

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

ConsoleCounts CountForConsole(const std::vector<std::unique_ptr<ProxyWorker>>& workers) {
  ConsoleCounts sum;
  for (const auto& worker : workers) {
    const SessionCounters& sessions = worker->Sessions();
    const DispatcherCounters& dispatch = worker->Dispatch();
    sum.requests += sessions.requests.Get();
    sum.errors += sessions.refused_requests.Get();
    sum.redirects += dispatch.moved.Get() + dispatch.asked.Get();
    sum.bytes_in += sessions.bytes_in.Get();
    sum.bytes_out += sessions.bytes_out.Get();
    sum.lost_writes += dispatch.lost.Get();
    sum.held_now += dispatch.held_now.Get();
    sum.unready_masters += dispatch.unready_masters.Get();
  }
  return sum;
}

}  // namespace slotway::proxy
