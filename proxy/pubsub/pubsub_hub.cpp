// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/pubsub_hub.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/resp_array.h"
#include "proxy/routing/redirect.h"
#include "runtime/log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kTickMs = 50;
constexpr std::uint64_t kRetryMs = 50;      // after an error that passes
constexpr std::uint64_t kRefusedMs = 1000;  // after one that may not
constexpr int kIdleRoundsMax = 20;          // of kCareMs
constexpr std::uint64_t kCareMs = 250;
constexpr std::uint64_t kPauseFirstMs = 50;
constexpr std::uint64_t kPauseMaxMs = 1000;

constexpr std::string_view kNotConfirmed =
    "CLUSTERDOWN No shard has confirmed the subscription in time";
constexpr std::string_view kShuttingDown = "ERR The proxy is shutting down";

// The content of an encoded bulk string.
std::string_view BulkText(std::string_view element) {
  auto line_end = element.find('\n');
  if (line_end == std::string_view::npos || element.size() < line_end + 3) return {};
  return element.substr(line_end + 1, element.size() - line_end - 3);
}

}  // namespace

PubsubHub::PubsubHub(runtime::EventLoop& loop, const config::ProxyConfig& settings,
                     Dispatcher& dispatcher, Place place)
    : loop_(loop),
      settings_(settings),
      dispatcher_(dispatcher),
      place_(std::move(place)),
      greeting_(GreetingOf(settings.backend)),
      census_(place_.worker_count),
      timer_(loop) {}

PubsubHub::~PubsubHub() = default;

// --- topics and members ---

Topic& PubsubHub::FindOrAdd(TopicKind kind, std::string_view name) {
  if (Topic* known = Find(kind, name)) return *known;
  auto topic = std::make_unique<Topic>();
  topic->kind = kind;
  topic->name = name;
  if (kind == TopicKind::kShard) topic->slot = dispatcher_.SlotOf(name);
  topic->is_own = kind == TopicKind::kChannel && name == kInvalidateChannel;
  topic->is_node_local = (kind == TopicKind::kChannel && IsEventChannel(name)) ||
                         (kind == TopicKind::kPattern && MayMatchEventChannels(name));
  if (kind != TopicKind::kShard && !topic->is_own) ++classic_topics_;
  Topic& added = *topic;
  topics_[IndexOf(kind)].emplace(added.name, std::move(topic));
  return added;
}

Topic* PubsubHub::Find(TopicKind kind, std::string_view name) {
  Topics& topics = topics_[IndexOf(kind)];
  auto found = topics.find(name);
  return found == topics.end() ? nullptr : found->second.get();
}

void PubsubHub::EraseIfOver(Topic& topic) {
  if (topic.interest > 0 || topic.holds > 0 || !topic.standings.empty()) return;
  if (topic.kind != TopicKind::kShard && !topic.is_own) --classic_topics_;
  topics_[IndexOf(topic.kind)].erase(topic.name);
}

// None is erased before the last has been visited.
template <class Visit>
void PubsubHub::VisitHeld(std::span<Topic* const> topics, Visit visit) {
  for (Topic* topic : topics) ++topic->holds;
  for (Topic* topic : topics) visit(*topic);
  ReleaseHolds(topics);
}

template <class Visit>
void PubsubHub::ForEachTopic(Visit visit) {
  std::vector<Topic*> all;
  for (Topics& topics : topics_) {
    for (auto& [name, topic] : topics) all.push_back(topic.get());
  }
  VisitHeld(all, visit);
}

void PubsubHub::AddMember(Topic& topic, Subscriber& subscriber) {
  auto [place, is_new] =
      subscriber.topics_[IndexOf(topic.kind)].emplace(&topic, topic.members.size());
  if (!is_new) return;
  topic.members.push_back(&subscriber);
  ++topic.interest;
  if (subscriber.Total() == 1) counters_.subscribers.Add();
  counters_.subscriptions.Add();
  NoteChanged(topic);
}

void PubsubHub::RemoveMember(Topic& topic, Subscriber& subscriber) {
  auto& own = subscriber.topics_[IndexOf(topic.kind)];
  auto found = own.find(&topic);
  std::size_t place = found->second;
  own.erase(found);
  --topic.interest;
  if (subscriber.Total() == 0) counters_.subscribers.Subtract();
  counters_.subscriptions.Subtract();
  NoteChanged(topic);
  Subscriber* last = topic.members.back();
  topic.members.pop_back();
  if (last == &subscriber) return;
  topic.members[place] = last;
  last->topics_[IndexOf(topic.kind)][&topic] = place;
}

void PubsubHub::ReleaseHolds(std::span<Topic* const> topics) {
  for (Topic* topic : topics) {
    if (--topic->holds == 0) EraseIfOver(*topic);
  }
}

// --- requests of clients ---

void PubsubHub::Subscribe(Subscriber& subscriber, TopicKind kind,
                          std::span<const std::string_view> names, Answer answer) {
  Subscriber::Wait& wait = subscriber.wait_.emplace(Subscriber::Wait{kind, true, answer});
  for (std::string_view name : names) {
    Topic& topic = FindOrAdd(kind, name);
    ++topic.interest;
    wait.topics.push_back(&topic);
  }
  if (kind != TopicKind::kShard && home_ == nullptr) ChooseHome();
  for (Topic* topic : wait.topics) Reconcile(*topic);
  BeginWait(subscriber);
}

void PubsubHub::Unsubscribe(Subscriber& subscriber, TopicKind kind,
                            std::span<const std::string_view> names, Answer answer) {
  Subscriber::Wait& wait = subscriber.wait_.emplace(Subscriber::Wait{kind, false, answer});
  auto& own = subscriber.topics_[IndexOf(kind)];
  std::vector<std::string> all;  // copies: a topic may end with its last subscriber
  std::vector<std::string_view> all_views;
  if (names.empty()) {
    for (const auto& [topic, member] : own) all.push_back(topic->name);
    all_views.assign(all.begin(), all.end());
    names = all_views;
  }
  if (names.empty()) subscriber.Confirm(kind, false, nullptr, wait.reply);
  for (std::string_view name : names) {
    Topic* topic = Find(kind, name);
    if (topic != nullptr && own.contains(topic)) {
      RemoveMember(*topic, subscriber);
      if (topic->interest == 0) wait.topics.push_back(topic);
    }
    subscriber.Confirm(kind, false, &name, wait.reply);
  }
  for (Topic* topic : wait.topics) Reconcile(*topic);
  NoteMembersChanged(subscriber);
  BeginWait(subscriber);
}

std::size_t PubsubHub::CountNew(const Subscriber& subscriber, TopicKind kind,
                                std::span<const std::string_view> names) {
  const auto& own = subscriber.topics_[IndexOf(kind)];
  std::unordered_set<std::string_view> fresh;
  for (std::string_view name : names) {
    Topic* topic = Find(kind, name);
    if (topic == nullptr || !own.contains(topic)) fresh.insert(name);
  }
  return fresh.size();
}

void PubsubHub::BeginWait(Subscriber& subscriber) {
  Subscriber::Wait& wait = *subscriber.wait_;
  for (Topic* topic : wait.topics) {
    ++topic->holds;
    if (IsSettled(*topic, wait.is_join)) continue;
    topic->waiting.push_back(&subscriber);
    ++wait.open;
  }
  subscriber.queue_.AddHeldBack();
  wait.deadline_ms = loop_.NowMs() + settings_.hold.time_max_ms;
  if (wait.open == 0) return Complete(subscriber);
  waiting_.insert(&subscriber);
  KeepTicking();
}

// Everything the client waited for is there.
void PubsubHub::Complete(Subscriber& subscriber) {
  Subscriber::Wait wait = std::move(*subscriber.wait_);
  subscriber.wait_.reset();
  waiting_.erase(&subscriber);
  if (wait.is_join) {
    for (Topic* topic : wait.topics) {
      AddMember(*topic, subscriber);
      --topic->interest;
      std::string_view name = topic->name;
      subscriber.Confirm(wait.kind, true, &name, wait.reply);
    }
    NoteMembersChanged(subscriber);
  }
  ReleaseHolds(wait.topics);
  // Last: these may lead to the end of the subscriber.
  ReplyQueue& queue = subscriber.queue_;
  wait.answer.queue.Deliver(wait.answer.place, wait.reply);
  queue.RemoveHeldBack();
}

// It will not come, or its client has gone.
void PubsubHub::Abandon(Subscriber& subscriber, std::string_view error) {
  Subscriber::Wait wait = std::move(*subscriber.wait_);
  subscriber.wait_.reset();
  waiting_.erase(&subscriber);
  for (Topic* topic : wait.topics) {
    std::erase(topic->waiting, &subscriber);
    if (wait.is_join) --topic->interest;
  }
  for (Topic* topic : wait.topics) {
    if (topic->interest == 0) Reconcile(*topic);
  }
  ReleaseHolds(wait.topics);
  if (wait.is_join || wait.reply.empty()) {
    wait.reply.clear();
    protocol::StringSink sink{wait.reply};
    protocol::RespWriter<protocol::StringSink>(sink, subscriber.version_).Error(error);
  }
  ReplyQueue& queue = subscriber.queue_;
  wait.answer.queue.Deliver(wait.answer.place, wait.reply);
  queue.RemoveHeldBack();
}

void PubsubHub::LeaveAll(Subscriber& subscriber) {
  slow_.erase(&subscriber);
  for (auto& own : subscriber.topics_) {
    std::vector<Topic*> topics;
    for (const auto& [topic, place] : own) topics.push_back(topic);
    for (Topic* topic : topics) {
      RemoveMember(*topic, subscriber);
      if (topic->interest == 0) Reconcile(*topic);
      EraseIfOver(*topic);
    }
  }
  if (subscriber.wait_) Abandon(subscriber, kShuttingDown);
  NoteMembersChanged(subscriber);
}

void PubsubHub::NoteMembersChanged(Subscriber& subscriber) {
  subscriber.owner_.OnSubscriptionsChanged();
}

// --- upstream ---

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
    bool is_alive = std::find(nodes_alive_.begin(), nodes_alive_.end(), name) != nodes_alive_.end();
    if (!is_alive) dead.push_back(link.get());
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
  for (const runtime::SocketAddress& master : masters_) {
    home_ = LinkTo(master);
    if (home_ != nullptr) break;
  }
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
  std::unique_ptr<PubsubLink> link(new PubsubLink(loop_, address, greeting_, *this));
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

// --- messages ---

void PubsubHub::OnLinkPush(PubsubLink& link, std::string_view push) {
  words_.clear();
  if (!protocol::SplitArray(push, words_) || words_.size() < 3) return;
  std::string_view what = BulkText(words_[0]), name = BulkText(words_[1]);
  TopicKind kind;
  if (what == "message") {
    kind = TopicKind::kChannel;
  } else if (what == "pmessage") {
    kind = TopicKind::kPattern;
  } else if (what == "smessage") {
    kind = TopicKind::kShard;
  } else {
    if (what == WordsOf(TopicKind::kShard).leave) NoteEnded(link, name);
    return;
  }
  if (kind != TopicKind::kShard) {
    bool is_event = IsEventChannel(kind == TopicKind::kPattern ? BulkText(words_[2]) : name);
    if (is_event ? !link.is_master : &link != home_) return;
  }
  counters_.received.Add();
  if (Topic* topic = Find(kind, name)) Deliver(*topic, push);
}

void PubsubHub::Deliver(Topic& topic, std::string_view push) {
  resp2_push_.clear();
  // Members stay while they are told: even one that is cut leaves later.
  for (Subscriber* subscriber : topic.members) {
    bool is_resp3 = subscriber->Version() == protocol::RespVersion::kResp3;
    if (!is_resp3 && resp2_push_.empty()) protocol::AppendPushAsArray(push, resp2_push_);
    subscriber->queue_.Push(is_resp3 ? push : std::string_view(resp2_push_));
    counters_.delivered.Add();
    if (subscriber->queue_.WaitingBytes() > settings_.limits.pubsub_output_soft_bytes) {
      LookAfter(*subscriber);
    }
  }
}

// Above the soft bound.
void PubsubHub::LookAfter(Subscriber& subscriber) {
  bool is_cut_before = subscriber.is_cut_;
  if (subscriber.CheckOutput(settings_.limits, loop_.NowMs())) slow_.insert(&subscriber);
  if (subscriber.is_cut_ && !is_cut_before) counters_.cut.Add();
  KeepTicking();
}

// A shard ends subscriptions to channels of a slot that it gave away.
void PubsubHub::NoteEnded(PubsubLink& link, std::string_view channel) {
  Topic* topic = Find(TopicKind::kShard, channel);
  Standing* standing = topic == nullptr ? nullptr : topic->Find(link);
  if (standing == nullptr || !standing->is_wanted || standing->leaves > 0) return;
  dispatcher_.RequestRefresh();
  if (standing->joins > 0) {
    standing->is_lost = true;
    return;
  }
  RemoveStanding(*topic, link);
  Reconcile(*topic);
  EraseIfOver(*topic);
}

// --- the census ---

void PubsubHub::NoteChanged(const Topic& topic) {
  changed_.emplace_back(topic.kind, topic.name);
  TellOthersLater();
}

// At the end of the iteration, before any client reads what it is told in it.
void PubsubHub::TellOthersLater() {
  if (is_telling_) return;
  is_telling_ = true;
  loop_.Defer([this] { TellOthers(); });
}

void PubsubHub::TellOthers() {
  is_telling_ = false;
  PubsubCensus::News news;
  news.worker = place_.worker;
  if (home_ != nullptr) news.home = home_->Address().ToString();
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (auto& [kind, name] : changed_) {
    PubsubCensus::Figures figures;
    if (Topic* topic = Find(kind, name)) {
      figures.members = static_cast<std::uint32_t>(topic->members.size());
      for (const Standing& standing : topic->standings) {
        if (!standing.IsCounted()) continue;
        ++figures.links;
        figures.is_at_home = figures.is_at_home || standing.link == home_;
      }
    }
    news.changes.push_back({kind, std::move(name), figures});
  }
  changed_.clear();
  census_.Take(news);
  if (place_.worker_count > 1) place_.broadcast(std::move(news));
}

// --- time ---

void PubsubHub::KeepTicking() {
  if (is_shut_down_ || timer_.IsActive()) return;
  timer_.Start(kTickMs, kTickMs, [this] { Tick(); });
}

void PubsubHub::Tick() {
  if (needs_reconciling_) Reconcile();
  std::vector<Subscriber*> late;
  for (Subscriber* subscriber : waiting_) {
    if (loop_.NowMs() >= subscriber->wait_->deadline_ms) late.push_back(subscriber);
  }
  for (Subscriber* subscriber : late) Abandon(*subscriber, kNotConfirmed);
  if (loop_.NowMs() - cared_at_ms_ < kCareMs) return;
  // After a pause of the whole process the answers may be there, unread.
  bool was_paused = loop_.NowMs() - cared_at_ms_ > 4 * kCareMs;
  cared_at_ms_ = loop_.NowMs();
  std::vector<Subscriber*> slow(slow_.begin(), slow_.end());
  slow_.clear();
  for (Subscriber* subscriber : slow) LookAfter(*subscriber);
  if (!was_paused) CareForLinks();
  bool is_idle = links_.empty() && waiting_.empty() && slow_.empty() && !needs_reconciling_;
  if (is_idle) timer_.Stop();
}

void PubsubHub::CareForLinks() {
  std::vector<PubsubLink*> links;
  for (const auto& [name, link] : links_) links.push_back(link.get());
  for (PubsubLink* link : links) link->Care(settings_.backend);
  CloseIdleLinks();
}

void PubsubHub::Shutdown() {
  is_shut_down_ = true;
  timer_.Stop();
  std::vector<Subscriber*> waiting(waiting_.begin(), waiting_.end());
  for (Subscriber* subscriber : waiting) Abandon(*subscriber, kShuttingDown);
  std::vector<PubsubLink*> links;
  for (const auto& [name, link] : links_) links.push_back(link.get());
  for (PubsubLink* link : links) link->Fail("the proxy is shutting down");
}

protocol::Slot PubsubHub::HomeSlot() const {
  const auto& slots = dispatcher_.SlotOfEachMaster();
  for (protocol::Slot slot : slots) {
    if (home_ == nullptr) break;
    auto owner = dispatcher_.OwnerOf(slot);
    if (owner && *owner == home_->Address()) return slot;
  }
  return slots.empty() ? protocol::Slot{0} : slots.front();
}

}  // namespace slotway::proxy
