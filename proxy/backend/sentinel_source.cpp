// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_source.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr std::size_t kSentinelsMax = 64;
constexpr std::uint64_t kCareMs = 1000;
// A promotion of which nothing more is heard is taken as given up.
constexpr std::uint64_t kPromotionMaxMs = 5000;

void AddNew(const protocol::Endpoint& endpoint, std::vector<protocol::Endpoint>& out) {
  if (out.size() >= kSentinelsMax) return;
  if (std::find(out.begin(), out.end(), endpoint) == out.end()) out.push_back(endpoint);
}

BackendLogin LoginOfSentinel(const config::BackendConfig& settings) {
  return {settings.sentinel.username, settings.sentinel.password, settings.connect_timeout_ms,
          NodeTlsOf(settings.tls), settings.sentinel.previous_password};
}

}  // namespace

SentinelSource::SentinelSource(runtime::EventLoop& loop, const config::BackendConfig& settings,
                               std::function<void()> refresh)
    : loop_(loop),
      settings_(settings),
      refresh_(std::move(refresh)),
      sentinel_survey_(loop),
      role_survey_(loop, settings),
      care_timer_(loop) {
  care_timer_.Start(kCareMs, kCareMs, [this] {
    for (auto& watch : watches_) watch->Care();
    if (promotion_ends_ms_ != 0 && loop_.NowMs() >= promotion_ends_ms_) {
      Hear(protocol::FailoverNews::kPromotionEnds);
    }
  });
}

void SentinelSource::Ask(const protocol::Topology*, OnTopology on_topology) {
  on_topology_ = std::move(on_topology);
  views_.clear();
  answered_.clear();
  NodeSurvey::Plan plan;
  for (const config::Endpoint& seed : settings_.seeds) {
    plan.nodes.push_back({seed.host, seed.port});
  }
  plan.nodes.insert(plan.nodes.end(), sentinels_.begin(), sentinels_.end());
  plan.addresses_max = kSentinelsMax;
  plan.questions = protocol::SentinelQuestions(settings_.sentinel.master_name);
  plan.login = LoginOfSentinel(settings_);
  plan.timeout_ms = settings_.connect_timeout_ms;
  plan.take = [this](const NodeSurvey::Answer& answer) { return Take(answer); };
  plan.is_enough = [this] { return HaveMostAnswered(); };
  plan.on_end = [this] { AskRoles(); };
  sentinel_survey_.Begin(std::move(plan));
}

std::string SentinelSource::Take(const NodeSurvey::Answer& answer) {
  auto view = protocol::ParseSentinelView(answer.replies);
  if (!view) return view.error();
  answered_.push_back(answer.from);
  views_.push_back(std::move(*view));
  LearnSentinels();
  return {};
}

// Those that answered, and those that they know. Who neither answers nor is known is forgotten.
void SentinelSource::LearnSentinels() {
  sentinels_ = answered_;
  for (const protocol::SentinelView& view : views_) {
    for (const protocol::Endpoint& sentinel : view.sentinels) AddNew(sentinel, sentinels_);
  }
}

void SentinelSource::WatchSentinels() {
  std::erase_if(watches_, [this](const auto& watch) {
    protocol::Endpoint sentinel{watch->Address().Host(), watch->Address().Port()};
    return std::find(sentinels_.begin(), sentinels_.end(), sentinel) == sentinels_.end();
  });
  for (const protocol::Endpoint& sentinel : sentinels_) {
    auto address = runtime::SocketAddress::FromNumeric(sentinel.host, sentinel.port);
    if (!address) continue;  // a name: its answers tell its address
    bool is_watched = std::any_of(watches_.begin(), watches_.end(),
                                  [&](const auto& watch) { return watch->Address() == *address; });
    if (is_watched) continue;
    watches_.push_back(std::make_unique<SentinelWatch>(
        loop_, *address, [this] { return LoginOfSentinel(settings_); }, settings_.sentinel.master_name,
        [this](protocol::FailoverNews news) { Hear(news); }));
    watches_.back()->Care();
  }
}

void SentinelSource::Hear(protocol::FailoverNews news) {
  bool begins = news == protocol::FailoverNews::kPromotionBegins;
  promotion_ends_ms_ = begins ? loop_.NowMs() + kPromotionMaxMs : 0;
  refresh_();
}

bool SentinelSource::IsBeingReplaced() const {
  return loop_.NowMs() < promotion_ends_ms_ && published_ && chosen_.config_epoch <= epoch_known_;
}

void SentinelSource::AskRoles() {
  WatchSentinels();
  const protocol::SentinelView* view =
      protocol::ChooseSentinelView(views_, epoch_known_, sentinels_.size());
  if (view == nullptr) {
    Fail(views_.empty() ? sentinel_survey_.Error()
                        : "the sentinels that answer remember an older master than we do");
    return;
  }
  chosen_ = *view;
  if (IsBeingReplaced()) return PublishNoMaster();
  std::vector<protocol::Endpoint> nodes = {chosen_.master};
  nodes.insert(nodes.end(), chosen_.replicas.begin(), chosen_.replicas.end());
  role_survey_.Begin(
      std::move(nodes),
      [](const protocol::ReplicationView& said, std::size_t place) {
        return place == 0 && said.info.is_master;
      },
      [this] { End(); });
}

void SentinelSource::PublishNoMaster() {
  protocol::Topology topology = *published_;
  topology.owner_of_slot.fill(protocol::kNoNode);
  auto on_topology = std::move(on_topology_);
  on_topology(std::move(topology));
}

void SentinelSource::End() {
  const protocol::ReplicationView* master = role_survey_.MasterAt(0);
  if (master == nullptr) {
    std::string reason = "the master that the sentinels name, " + chosen_.master.host + ":" +
                         std::to_string(chosen_.master.port) + ", does not answer as one";
    if (!role_survey_.Error().empty()) reason += "; " + role_survey_.Error();
    Fail(std::move(reason));
    return;
  }
  auto on_topology = std::move(on_topology_);
  epoch_known_ = chosen_.config_epoch;
  promotion_ends_ms_ = 0;
  published_ = protocol::TopologyOfReplicas(role_survey_.Views(), *master, role_survey_.Silent(),
                                            published_ ? &*published_ : nullptr);
  on_topology(*published_);
}

void SentinelSource::Fail(std::string reason) {
  auto on_topology = std::move(on_topology_);
  on_topology(runtime::Fail(std::move(reason)));
}

}  // namespace slotway::proxy
