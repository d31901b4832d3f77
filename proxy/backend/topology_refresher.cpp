// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/topology_refresher.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"

namespace slotway::proxy {

TopologyRefresher::TopologyRefresher(runtime::EventLoop& loop,
                                     const config::BackendConfig& settings, OnRound on_round)
    : loop_(loop),
      settings_(settings),
      on_round_(std::move(on_round)),
      source_(MakeTopologySource(loop, settings, [this] { RequestSoon(); })),
      next_round_(loop),
      random_(runtime::SystemEntropy()) {}

TopologyRefresher::~TopologyRefresher() = default;

void TopologyRefresher::Start() { BeginRound(); }

void TopologyRefresher::RequestSoon() {
  if (is_requested_) return;
  is_requested_ = true;
  if (!is_running_) Schedule(0);
}

void TopologyRefresher::Schedule(std::uint64_t delay_ms) {
  std::uint64_t min_interval_ms = settings_.topology.refresh_min_interval_ms;
  std::uint64_t earliest_ms = round_began_ms_ + min_interval_ms;
  std::uint64_t wait_ms = earliest_ms > loop_.NowMs() ? earliest_ms - loop_.NowMs() : 0;
  wait_ms = std::max(delay_ms, wait_ms);
  // Up to a tenth of a long wait, or a quarter of the shortest one.
  wait_ms += random_.Below(std::max(delay_ms / 10, min_interval_ms / 4) + 1);
  next_round_.Start(wait_ms, 0, [this] { BeginRound(); });
}

void TopologyRefresher::BeginRound() {
  is_running_ = true;
  is_requested_ = false;
  round_began_ms_ = loop_.NowMs();
  rounds_.Add();
  source_->Ask(current_.get(), [this](runtime::Result<protocol::Topology> learned) {
    EndRound(std::move(learned));
  });
}

void TopologyRefresher::EndRound(runtime::Result<protocol::Topology> learned) {
  is_running_ = false;
  if (!learned) {
    if (learned.error().text != last_error_) {
      runtime::LogWarning("topology: {}", learned.error().text);
    }
    last_error_ = learned.error().text;
    Schedule(settings_.topology.refresh_min_interval_ms);
    return;
  }
  last_error_.clear();
  if (current_ == nullptr || !learned->RoutesLike(*current_)) {
    changes_.Add();
    learned->version = changes_.Get();
    current_ = std::make_shared<const protocol::Topology>(std::move(*learned));
    runtime::LogInfo("topology {}: {} nodes, {}", current_->version, current_->nodes.size(),
                     current_->CoversAllSlots() ? "all slots served" : "some slots unserved");
  }
  on_round_(current_);
  Schedule(is_requested_ ? 0 : settings_.topology.refresh_interval_ms);
}

}  // namespace slotway::proxy
