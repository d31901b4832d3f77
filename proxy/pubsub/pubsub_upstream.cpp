// SPDX-License-Identifier: Apache-2.0
// The hub's side towards the shards: which connection carries which subscription.
#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "proxy/pubsub/pubsub_hub.h"
#include "proxy/routing/redirect.h"
#include "runtime/log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kPauseFirstMs = 50;
constexpr std::uint64_t kPauseMaxMs = 1000;
// A node whose connection was lost is tried again before another becomes the home: what it has
// brought may come once more by another.
constexpr std::uint64_t kPatienceMs = 4 * kPauseFirstMs;
constexpr std::uint64_t kRetryMs = 50;      // after an error that passes
constexpr std::uint64_t kRefusedMs = 1000;  // after one that may not
constexpr int kIdleRoundsMax = 20;          // how often an idle link is seen before it is closed

}  // namespace

void PubsubHub::UpdateTopology(const protocol::Topology& topology) {
  masters_.clear();
  nodes_alive_.clear();
  for (protocol::Slot slot : dispatcher_.SlotOfEachMaster()) {
    if (auto owner = dispatcher_.OwnerOf(slot)) masters_.push_back(*owner);
  }
  for (const protocol::ClusterNode& node : topology.nodes) {
    auto address = runtime::SocketAddress::FromNumeric(node.endpoint.host, node.endpoint.port);
    // What a replica of a single master hears may lag behind; a cluster's nodes all hear the same.
    if (address && !node.is_failing && (topology.has_slots || node.is_master)) {
      nodes_alive_.push_back(address->ToString());
    }
  }
  std::vector<PubsubLink*> dead;
  for (const auto& [name, link] : links_) {
    if (!IsAlive(link->Address())) dead.push_back(link.get());
  }
  for (PubsubLink* link : dead) link->Fail("the node failed or left");
  for (const auto& [name, link] : links_) {
    link->is_master = std::find(masters_.begin(), masters_.end(), link->Address()) != masters_.end();
  }
  std::erase_if(failures_, [&](const auto& failure) {
    return std::find(nodes_alive_.begin(), nodes_alive_.end(), failure.first) == nodes_alive_.end();
  });
  Reconcile();
}

void PubsubHub::ChooseHome() {
  if (home_ != nullptr || is_shut_down_) return;
  bool is_patient = false;
  if (publish_at_ && IsAlive(*publish_at_)) {
    home_ = LinkTo(*publish_at_);
    auto failure = failures_.find(publish_at_->ToString());
    is_patient = failure != failures_.end() && failure->second.pause_ms <= kPatienceMs;
  }
  for (const runtime::SocketAddress& master : masters_) {
    if (home_ != nullptr || is_patient) break;
    home_ = LinkTo(master);
  }
  if (home_ != nullptr && !(publish_at_ && IsAlive(*publish_at_))) publish_at_ = home_->Address();
  if (home_ == nullptr) {
    needs_reconciling_ = true;
    KeepTicking();
  }
  TellOthersLater();
}

// nullptr while a node that failed is left alone.
PubsubLink* PubsubHub::LinkTo(const runtime::SocketAddress& address) {
  std::string name = address.ToString();
  auto found = links_.find(name);
  if (found != links_.end()) return found->second.get();
  auto failure = failures_.find(name);
  bool is_paused = failure != failures_.end() && loop_.NowMs() < failure->second.next_attempt_ms;
  if (is_paused || is_shut_down_) {
    needs_reconciling_ = true;
    KeepTicking();
    return nullptr;
  }
  // Not make_unique: it may not see the private base.
  std::unique_ptr<PubsubLink> link(new PubsubLink(loop_, address, GreetingOf(settings_.backend), *this));
  link->is_master = std::find(masters_.begin(), masters_.end(), address) != masters_.end();
  KeepTicking();
  return links_.emplace(std::move(name), std::move(link)).first->second.get();
}

void PubsubHub::Reconcile() {
  needs_reconciling_ = false;
  if (classic_topics_ > 0) ChooseHome();
  ForEachTopic([this](Topic& topic) {
    Reconcile(topic);
    Settle(topic);
  });
}

void PubsubHub::Reconcile(Topic& topic) {
  std::vector<PubsubLink*> wanted;
  if (topic.interest > 0 && !topic.is_own) {
    if (topic.kind == TopicKind::kShard) {
      auto owner = dispatcher_.OwnerOf(topic.slot);
      if (owner) wanted.push_back(LinkTo(*owner));
      if (!owner) needs_reconciling_ = true;
    } else {
      wanted.push_back(home_);
      for (std::size_t i = 0; topic.is_node_local && i < masters_.size(); ++i) {
        PubsubLink* link = LinkTo(masters_[i]);
        if (link != home_) wanted.push_back(link);
      }
    }
  }
  for (PubsubLink* link : wanted) WantOn(topic, link);
  for (Standing& standing : topic.standings) {
    if (!standing.is_wanted) continue;
    if (std::find(wanted.begin(), wanted.end(), standing.link) != wanted.end()) continue;
    standing.is_wanted = false;
    ++standing.leaves;
    standing.link->Leave(topic);
    NoteChanged(topic);
  }
  if (needs_reconciling_) KeepTicking();
}

void PubsubHub::WantOn(Topic& topic, PubsubLink* link) {
  if (link == nullptr) {
    needs_reconciling_ = true;
    return;
  }
  Standing* standing = topic.Find(*link);
  if (standing != nullptr && standing->is_wanted) return;
  if (loop_.NowMs() < topic.retry_at_ms) {
    needs_reconciling_ = true;
    return;
  }
  if (standing == nullptr) {
    ++link->standings;
    counters_.upstream.Add();
    topic.standings.push_back({link});
    standing = &topic.standings.back();
  }
  standing->is_wanted = true;
  ++standing->joins;
  link->Join(topic);
}

void PubsubHub::RemoveStanding(Topic& topic, PubsubLink& link) {
  auto erased = std::erase_if(topic.standings, [&](const Standing& s) { return s.link == &link; });
  if (erased == 0) return;
  --link.standings;
  counters_.upstream.Subtract();
  NoteChanged(topic);
}

// A link is kept for a while: who leaves may come back.
void PubsubHub::CloseIdleLinks() {
  std::vector<PubsubLink*> idle;
  for (const auto& [name, link] : links_) {
    bool is_used = link->standings > 0 || (link.get() == home_ && classic_topics_ > 0);
    link->idle_rounds = is_used ? 0 : link->idle_rounds + 1;
    if (link->idle_rounds > kIdleRoundsMax) idle.push_back(link.get());
  }
  for (PubsubLink* link : idle) {
    Forget(*link);
    link->Fail("no longer needed");
  }
}

// Destroyed later: it is on the stack, and so may be who looks through topics.
void PubsubHub::Forget(PubsubLink& link) {
  if (home_ == &link) {
    home_ = nullptr;
    TellOthersLater();
  }
  auto found = links_.find(link.Address().ToString());
  // std::function wants something to copy; the deferred call is the only owner.
  loop_.Defer([dying = found->second.release()] { delete dying; });
  links_.erase(found);
}

bool PubsubHub::IsJoinSettled(Topic& topic) {
  if (topic.is_own) return true;
  if (topic.kind == TopicKind::kShard) {
    return std::any_of(topic.standings.begin(), topic.standings.end(),
                       [](const Standing& standing) { return standing.IsConfirmed(); });
  }
  if (home_ == nullptr || !topic.IsConfirmedOn(*home_)) return false;
  if (!topic.is_node_local) return true;
  // A master out of reach has no events that anybody could hear.
  return std::all_of(masters_.begin(), masters_.end(), [&](const runtime::SocketAddress& master) {
    std::string name = master.ToString();
    if (failures_.contains(name)) return true;
    auto link = links_.find(name);
    return link != links_.end() && topic.IsConfirmedOn(*link->second);
  });
}

bool PubsubHub::IsSettled(Topic& topic, bool is_join) {
  if (is_join) return IsJoinSettled(topic);
  return std::none_of(topic.standings.begin(), topic.standings.end(),
                      [](const Standing& standing) { return standing.leaves > 0; });
}

void PubsubHub::Settle(Topic& topic) {
  if (topic.waiting.empty()) return;
  bool is_joined = IsSettled(topic, true), is_left = IsSettled(topic, false);
  std::vector<Subscriber*> done;
  std::erase_if(topic.waiting, [&](Subscriber* subscriber) {
    if (!(subscriber->wait_->is_join ? is_joined : is_left)) return false;
    if (--subscriber->wait_->open == 0) done.push_back(subscriber);
    return true;
  });
  // A completion cannot end another subscriber, only its own.
  for (Subscriber* subscriber : done) Complete(*subscriber);
}

void PubsubHub::OnLinkReady(PubsubLink& link) { failures_.erase(link.Address().ToString()); }

void PubsubHub::OnAnswered(PubsubLink& link, const PubsubLink::Ask& ask) {
  bool is_refused = !ask.error.empty() && ask.is_join;
  VisitHeld(ask.topics, [&](Topic& topic) {
    Standing& standing = *topic.Find(link);
    --(ask.is_join ? standing.joins : standing.leaves);
    if (ask.is_join && standing.joins == 0 && (is_refused || standing.is_lost)) {
      standing.is_wanted = false;
      standing.is_lost = false;
      needs_reconciling_ = true;
    }
    NoteChanged(topic);
    if (standing.IsOver()) RemoveStanding(topic, link);
    if (!is_refused) Settle(topic);
  });
  if (is_refused) HandleRefusal(link, ask);
  if (needs_reconciling_) KeepTicking();
}

// Nobody in `ask` was subscribed.
void PubsubHub::HandleRefusal(PubsubLink& link, const PubsubLink::Ask& ask) {
  ReplyVerdict verdict = JudgeErrorReply(ask.error);
  bool is_final = verdict == ReplyVerdict::kForClient && ask.topics.size() == 1;
  bool is_moved = verdict == ReplyVerdict::kMoved;
  if (is_moved) {
    dispatcher_.LearnRedirect(link.Address(), ask.error);
    auto owner = dispatcher_.OwnerOf(ask.slot);
    is_moved = owner && *owner != link.Address();
  } else {
    dispatcher_.RequestRefresh();
  }
  VisitHeld(ask.topics, [&](Topic& topic) {
    topic.is_alone = topic.is_alone || verdict == ReplyVerdict::kForClient;
    if (!is_moved) topic.retry_at_ms = loop_.NowMs() + (is_final ? kRefusedMs : kRetryMs);
    if (ask.topics.size() > 1 && topic.is_alone) topic.retry_at_ms = 0;
    if (is_final) AbandonWaiting(topic, protocol::ErrorTextOf(ask.error));
    Reconcile(topic);
  });
}

void PubsubHub::AbandonWaiting(Topic& topic, std::string_view error) {
  std::vector<Subscriber*> refused;
  for (Subscriber* subscriber : topic.waiting) {
    if (subscriber->wait_->is_join) refused.push_back(subscriber);
  }
  for (Subscriber* subscriber : refused) {
    if (subscriber->wait_) Abandon(*subscriber, error);
  }
}

void PubsubHub::OnLinkDown(PubsubLink& link, std::string_view reason) {
  std::string name = link.Address().ToString();
  auto found = links_.find(name);
  if (found == links_.end() || found->second.get() != &link) return;  // it was we who ended it
  if (!is_shut_down_) runtime::LogWarning("shard {}: subscriptions: {}", name, reason);
  Failure& failure = failures_[name];
  failure.pause_ms = std::clamp(2 * failure.pause_ms, kPauseFirstMs, kPauseMaxMs);
  failure.next_attempt_ms = loop_.NowMs() + failure.pause_ms;
  Forget(link);
  for (Topics& topics : topics_) {
    for (auto& [topic_name, topic] : topics) RemoveStanding(*topic, link);
  }
  needs_reconciling_ = true;
  dispatcher_.RequestRefresh();
  KeepTicking();
}

}  // namespace slotway::proxy
