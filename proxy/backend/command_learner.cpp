// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/command_learner.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kPauseMs = 2000;  // between two questions
constexpr std::size_t kPublishedMax = 100;

bool KnowTheSame(const protocol::LearnedCommands& a, const protocol::LearnedCommands& b) {
  auto name_of = [](const protocol::CommandSpec* row) { return row->name; };
  return std::ranges::equal(a.TopLevel(), b.TopLevel(), {}, name_of, name_of);
}

}  // namespace

CommandLearner::CommandLearner(runtime::EventLoop& loop, const config::BackendConfig& settings,
                               OnLearned on_learned)
    : loop_(loop), settings_(settings), on_learned_(std::move(on_learned)), timer_(loop) {}

void CommandLearner::UpdateTopology(const protocol::Topology& topology) {
  std::vector<runtime::SocketAddress> nodes;
  for (const protocol::ClusterNode& node : topology.nodes) {
    if (node.is_failing) continue;
    auto address = runtime::SocketAddress::FromNumeric(node.endpoint.host, node.endpoint.port);
    if (address) nodes.push_back(*address);
  }
  bool is_same = nodes.size() == nodes_.size() &&
                 std::is_permutation(nodes.begin(), nodes.end(), nodes_.begin());
  nodes_ = std::move(nodes);
  if (!is_same) Schedule(0);
}

void CommandLearner::RequestSoon() {
  if (is_asking_ || timer_.IsActive()) return;
  std::uint64_t since_ms = loop_.NowMs() - asked_at_ms_;
  Schedule(since_ms >= kPauseMs ? 0 : kPauseMs - since_ms);
}

void CommandLearner::Schedule(std::uint64_t delay_ms) {
  timer_.Start(delay_ms, 0, [this] { Ask(); });
}

void CommandLearner::Ask() {
  if (nodes_.empty() || published_.size() >= kPublishedMax) return;
  is_asking_ = true;
  asked_at_ms_ = loop_.NowMs();
  BackendLogin login = LoginOf(settings_);
  query_ = std::make_unique<ControlQuery>(
      loop_, nodes_[next_node_++ % nodes_.size()], login, Questions{{"COMMAND"}},
      settings_.connect_timeout_ms, [this](auto answers) { Take(answers); });
}

void CommandLearner::Take(const runtime::Result<ControlQuery::Answers>& answers) {
  is_asking_ = false;
  if (!answers) return Schedule(kPauseMs);
  // shared: see Snapshot.
  auto learned = std::make_shared<const protocol::LearnedCommands>(answers->front());
  bool is_news = published_.empty() ? !learned->TopLevel().empty()
                                    : !KnowTheSame(*learned, *published_.back());
  if (!is_news) return;
  published_.push_back(learned);
  runtime::LogInfo("the backend has {} commands that this version does not know",
                   learned->TopLevel().size());
  on_learned_(learned);
}

}  // namespace slotway::proxy
