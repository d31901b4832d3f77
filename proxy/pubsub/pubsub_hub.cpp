// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/pubsub_hub.h"

#include <algorithm>
#include <utility>

#include "protocol/resp_array.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kTickMs = 50;
constexpr std::uint64_t kCareMs = 250;
// Where clients come and go all the time there is always something unsettled.
constexpr std::uint64_t kSettleMaxMs = 250;
// One message to a crowd is a lot of work: after this time others have their turn. The clock is
// looked at after so many deliveries.
constexpr std::uint64_t kDeliveringMaxUs = 500;
constexpr std::size_t kDeliveriesPerLook = 256;

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
      census_(place_.worker_count),
      delivering_(loop, kDeliveringMaxUs),
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
  Topic* topic = Find(kind, name);
  if (topic == nullptr) return;
  if (kind == TopicKind::kShard) {
    // A slot's old owner may be a replica of the new one, and hear the same a little longer.
    const Standing* standing = topic->Find(link);
    if (standing == nullptr || !standing->is_wanted) return;
  }
  if (push.size() < runtime::ByteQueue::kChunkBytes) {
    Deliver(*topic, push);
  } else {
    DeliverShared(*topic, push);
  }
  delivered_since_look_ += topic->members.size();
  if (delivered_since_look_ < kDeliveriesPerLook) return;
  delivered_since_look_ = 0;
  if (delivering_.IsOver()) link.YieldReading();
}

// Members stay while they are told: even one that is cut leaves later.
void PubsubHub::Deliver(Topic& topic, std::string_view push) {
  resp2_push_.clear();
  for (Subscriber* subscriber : topic.members) {
    bool is_resp3 = subscriber->Version() == protocol::RespVersion::kResp3;
    if (!is_resp3 && resp2_push_.empty()) protocol::AppendPushAsArray(push, resp2_push_);
    subscriber->queue_.Push(is_resp3 ? push : std::string_view(resp2_push_));
    NoteDelivered(*subscriber);
  }
}

// The same for a large message: it is in memory once, however many have still to take it.
void PubsubHub::DeliverShared(Topic& topic, std::string_view push) {
  // shared: by the subscribers' outputs; by version.
  std::shared_ptr<const std::string> as_array, as_push;
  for (Subscriber* subscriber : topic.members) {
    bool is_resp3 = subscriber->Version() == protocol::RespVersion::kResp3;
    auto& bytes = is_resp3 ? as_push : as_array;
    if (bytes == nullptr) {
      std::string made;
      is_resp3 ? void(made = push) : protocol::AppendPushAsArray(push, made);
      bytes = std::make_shared<const std::string>(std::move(made));
    }
    subscriber->queue_.PushShared(bytes);
    NoteDelivered(*subscriber);
  }
}

void PubsubHub::NoteDelivered(Subscriber& subscriber) {
  counters_.delivered.Add();
  if (subscriber.queue_.WaitingBytes() > settings_.limits.pubsub_output_soft_bytes) {
    LookAfter(subscriber);
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
        figures.is_leaving = figures.is_leaving || standing.leaves > 0;
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
  CallSettled();
}

void PubsubHub::WhenSettled(std::function<void()> then) {
  auto take = [this, then = std::move(then)]() mutable {
    questions_.push_back({std::move(then), loop_.NowMs() + kSettleMaxMs});
    CallSettled();
    if (!questions_.empty()) KeepTicking();
  };
  // Behind the news that other workers have posted, of which the client may know already.
  place_.worker_count > 1 ? loop_.Post(std::move(take)) : take();
}

void PubsubHub::CallSettled() {
  bool is_settled = (changed_.empty() && census_.Leaving() == 0) || is_shut_down_;
  std::vector<Question> due;
  std::erase_if(questions_, [&](Question& question) {
    bool is_due = is_settled || loop_.NowMs() >= question.deadline_ms;
    if (is_due) due.push_back(std::move(question));
    return is_due;
  });
  for (Question& question : due) question.then();
}

// --- time ---

void PubsubHub::KeepTicking() {
  if (is_shut_down_ || timer_.IsActive()) return;
  timer_.Start(kTickMs, kTickMs, [this] { Tick(); });
}

void PubsubHub::Tick() {
  if (needs_reconciling_) Reconcile();
  CallSettled();
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
  bool is_idle = links_.empty() && waiting_.empty() && slow_.empty() && questions_.empty() &&
                 !needs_reconciling_;
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
  CallSettled();
}

std::optional<runtime::SocketAddress> PubsubHub::PublishAt() {
  if (publish_at_ && IsAlive(*publish_at_)) return publish_at_;
  publish_at_.reset();
  if (home_ != nullptr) {
    publish_at_ = home_->Address();
  } else if (!masters_.empty()) {
    publish_at_ = masters_.front();
  }
  return publish_at_;
}

protocol::Slot PubsubHub::PublishSlot() {
  const auto& slots = dispatcher_.SlotOfEachMaster();
  auto node = PublishAt();
  for (protocol::Slot slot : slots) {
    auto owner = dispatcher_.OwnerOf(slot);
    if (node && owner && *owner == *node) return slot;
  }
  return slots.empty() ? protocol::Slot{0} : slots.front();
}

bool PubsubHub::IsAlive(const runtime::SocketAddress& address) const {
  return std::find(nodes_alive_.begin(), nodes_alive_.end(), address.ToString()) !=
         nodes_alive_.end();
}

}  // namespace slotway::proxy
