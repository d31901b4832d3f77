// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console_watch.h"

#include <algorithm>
#include <utility>

#include "runtime/clock.h"
#include "runtime/histogram.h"

namespace slotway::proxy {
namespace {

double Rate(std::uint64_t now, std::uint64_t before, double seconds) {
  return now < before ? 0 : static_cast<double>(now - before) / seconds;
}

std::vector<std::uint64_t> Difference(const std::vector<std::uint64_t>& now,
                                      const std::vector<std::uint64_t>& before) {
  std::vector<std::uint64_t> difference = now;
  for (std::size_t i = 0; i < std::min(now.size(), before.size()); ++i) {
    difference[i] -= std::min(now[i], before[i]);
  }
  return difference;
}

}  // namespace

double QuantileOf(const std::vector<std::uint64_t>& counts, double share) {
  std::uint64_t total = 0;
  for (std::uint64_t count : counts) total += count;
  double wanted = share * static_cast<double>(total);
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    const auto here = static_cast<double>(counts[bucket]);
    if (here > 0 && wanted <= here) {
      const double low = bucket == 0 ? 0 : static_cast<double>(runtime::Histogram::Bound(bucket - 1));
      const auto high = static_cast<double>(runtime::Histogram::Bound(bucket));
      return low + (high - low) * wanted / here;
    }
    wanted -= here;
  }
  return 0;
}

ConsoleWatch::ConsoleWatch(const ConsoleSources& sources)
    : sources_(sources), timer_(sources.loop), last_(sources.counts()),
      last_at_ms_(sources.loop.NowMs()) {
  timer_.Start(kSampleMs, kSampleMs, [this] {
    Sample();
    AskNodes();
  });
}

void ConsoleWatch::NoteLooker() {
  looked_at_ms_ = std::max<std::uint64_t>(sources_.loop.NowMs(), 1);
  if (!is_watched_) AskNodes();
}

const NodeVitals* ConsoleWatch::Find(const std::string& address) const {
  auto found = nodes_.find(address);
  return found == nodes_.end() ? nullptr : found->second.get();
}

void ConsoleWatch::Sample() {
  const std::uint64_t now_ms = sources_.loop.NowMs();
  if (now_ms == last_at_ms_) return;
  ConsoleCounts now = sources_.counts();
  const double seconds = static_cast<double>(now_ms - last_at_ms_) / 1000;
  const std::vector<std::uint64_t> latencies = Difference(now.latencies, last_.latencies);
  ConsoleSample sample;
  sample.number = ++number_;
  sample.at_ms = runtime::UnixMs();
  sample.requests = Rate(now.requests, last_.requests, seconds);
  sample.errors = Rate(now.errors, last_.errors, seconds);
  sample.redirects = Rate(now.redirects, last_.redirects, seconds);
  sample.bytes_in = Rate(now.bytes_in, last_.bytes_in, seconds);
  sample.bytes_out = Rate(now.bytes_out, last_.bytes_out, seconds);
  sample.clients = sources_.facts().clients;
  sample.held = now.held_now;
  sample.p50_us = QuantileOf(latencies, 0.5);
  sample.p99_us = QuantileOf(latencies, 0.99);
  samples_.push_back(sample);
  if (samples_.size() > kSamplesMax) samples_.pop_front();
  last_ = std::move(now);
  last_at_ms_ = now_ms;
}

void ConsoleWatch::AskNodes() {
  is_watched_ = looked_at_ms_ > 0 && sources_.loop.NowMs() - looked_at_ms_ <= kLooksForMs;
  const TopologyRefresher::Snapshot topology = sources_.topology();
  std::map<std::string, std::unique_ptr<NodeVitals>> kept;
  if (is_watched_ && topology != nullptr) {
    for (const protocol::ClusterNode& node : topology->nodes) {
      const protocol::Endpoint& endpoint = node.endpoint;
      const auto address = runtime::SocketAddress::FromNumeric(endpoint.host, endpoint.port);
      if (!address || kept.size() >= kNodesMax) continue;
      std::string name = endpoint.host + ":" + std::to_string(endpoint.port);
      auto& vitals = kept[name];
      if (vitals != nullptr) continue;
      auto known = nodes_.find(name);
      vitals = known != nodes_.end() && known->second != nullptr
                   ? std::move(known->second)
                   : std::make_unique<NodeVitals>(sources_.loop, *address, [this] {
                       return LoginOf(sources_.settings.backend);
                     });
      vitals->Ask(node.is_master && topology->has_slots);
    }
  }
  // Nobody looks, or the node has left.
  nodes_ = std::move(kept);
}

}  // namespace slotway::proxy
