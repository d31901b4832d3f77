// SPDX-License-Identifier: Apache-2.0
// Brings messages from the shards to a worker's subscribers: one upstream subscription per topic,
// however many clients listen.
//
// Classic channels and patterns are subscribed at one node, the worker's home: the cluster brings
// every PUBLISH there. Keyspace events stay where they happen, so what may carry them is subscribed
// at every master, and other messages from there are dropped. Shard channels are subscribed where
// their slot is. When a node is lost, or a slot moves, the subscriptions move on; what was
// published meanwhile is missed, as by any client that has to connect again. A client is told that
// it is subscribed when upstream has said so. Delivering has a time in an iteration of the loop; the
// messages that are left wait at the shard's connection. Belongs to its worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/pubsub/pubsub_census.h"
#include "proxy/pubsub/pubsub_link.h"
#include "proxy/pubsub/subscriber.h"
#include "proxy/pubsub/topic.h"
#include "proxy/routing/dispatcher.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"
#include "runtime/text_hash.h"
#include "runtime/turn_budget.h"

namespace slotway::proxy {

// Read by the metrics at scrape time.
struct PubsubCounters {
  runtime::Counter subscribers;    // clients with subscriptions, now
  runtime::Counter subscriptions;  // of all clients, now
  runtime::Counter upstream;       // upstream subscriptions, now
  runtime::Counter received;       // messages from shards
  runtime::Counter delivered;      // messages to clients
  runtime::Counter cut;            // clients that did not take their messages
};

class PubsubHub final : private PubsubLink::Owner {
 public:
  struct Place {
    std::size_t worker = 0;
    std::size_t worker_count = 1;
    // Tells the other workers.
    std::function<void(PubsubCensus::News)> broadcast;
  };

  PubsubHub(runtime::EventLoop& loop, const config::ProxyConfig& settings, Dispatcher& dispatcher,
            Place place);
  ~PubsubHub() override;

  // Where a request is answered: its subscriber's queue or one nested in that (EXEC).
  using Answer = Subscriber::Answer;

  // Delivers the confirmations, or an error, at once or when upstream has confirmed. Until then no
  // request of the client is taken. REQUIRES: nothing the client asked before is unanswered.
  void Subscribe(Subscriber& subscriber, TopicKind kind, std::span<const std::string_view> names,
                 Answer answer);
  // The same; no names mean all.
  void Unsubscribe(Subscriber& subscriber, TopicKind kind, std::span<const std::string_view> names,
                   Answer answer);
  // How many of the names it is not subscribed to yet.
  std::size_t CountNew(const Subscriber& subscriber, TopicKind kind,
                       std::span<const std::string_view> names);
  // From everything, and nobody is told.
  void LeaveAll(Subscriber& subscriber);

  // Calls `then` when no shard has still to confirm an end (of RESET, of a client that has gone),
  // or after a short time: so that shards do not tell of what has been left. Perhaps at once.
  void WhenSettled(std::function<void()> then);

  void UpdateTopology(const protocol::Topology& topology);
  void TakeNews(const PubsubCensus::News& news) {
    census_.Take(news);
    CallSettled();
  }
  void Shutdown();

  const PubsubCensus& Census() const { return census_; }
  const PubsubCounters& Counters() const { return counters_; }
  // The node to publish at: the same for as long as it lives, even if the home is another one by
  // now. Messages that come by different nodes may overtake each other.
  std::optional<runtime::SocketAddress> PublishAt();
  // If that has no open connection: a slot of it, or of the first master.
  protocol::Slot PublishSlot();
  // The open connection to the home node, or nullptr.
  PubsubLink* HomeLink() { return home_ != nullptr && home_->IsReady() ? home_ : nullptr; }

 private:
  // A node that failed is tried again after a pause.
  struct Failure {
    std::uint64_t next_attempt_ms = 0;
    std::uint64_t pause_ms = 0;
  };
  struct Question {
    std::function<void()> then;
    std::uint64_t deadline_ms;
  };
  using Topics = runtime::TextMap<std::unique_ptr<Topic>>;

  void OnLinkReady(PubsubLink& link) override;
  void OnAnswered(PubsubLink& link, const PubsubLink::Ask& ask) override;
  void OnLinkPush(PubsubLink& link, std::string_view push) override;
  void OnLinkDown(PubsubLink& link, std::string_view reason) override;

  Topic& FindOrAdd(TopicKind kind, std::string_view name);
  Topic* Find(TopicKind kind, std::string_view name);
  void EraseIfOver(Topic& topic);
  void ReleaseHolds(std::span<Topic* const> topics);
  template <class Visit>
  void VisitHeld(std::span<Topic* const> topics, Visit visit);
  template <class Visit>
  void ForEachTopic(Visit visit);

  // Brings upstream subscriptions in line with what clients want and where nodes are.
  void Reconcile();
  void Reconcile(Topic& topic);
  void WantOn(Topic& topic, PubsubLink* link);
  void ChooseHome();
  PubsubLink* LinkTo(const runtime::SocketAddress& address);
  bool IsAlive(const runtime::SocketAddress& address) const;
  void RemoveStanding(Topic& topic, PubsubLink& link);
  void CloseIdleLinks();
  void Forget(PubsubLink& link);
  bool IsJoinSettled(Topic& topic);
  bool IsSettled(Topic& topic, bool is_join);
  void Settle(Topic& topic);
  void HandleRefusal(PubsubLink& link, const PubsubLink::Ask& ask);

  void AddMember(Topic& topic, Subscriber& subscriber);
  void RemoveMember(Topic& topic, Subscriber& subscriber);
  void NoteMembersChanged(Subscriber& subscriber);
  void BeginWait(Subscriber& subscriber);
  void Complete(Subscriber& subscriber);
  void Abandon(Subscriber& subscriber, std::string_view error);
  void AbandonWaiting(Topic& topic, std::string_view error);

  void Deliver(Topic& topic, std::string_view push);
  void DeliverShared(Topic& topic, std::string_view push);
  void NoteDelivered(Subscriber& subscriber);
  void LookAfter(Subscriber& subscriber);
  void NoteEnded(PubsubLink& link, std::string_view channel);
  void NoteChanged(const Topic& topic);
  void TellOthersLater();
  void TellOthers();
  void CallSettled();
  void Tick();
  void CareForLinks();
  void KeepTicking();

  runtime::EventLoop& loop_;
  const config::ProxyConfig& settings_;
  Dispatcher& dispatcher_;
  Place place_;
  PubsubCensus census_;
  PubsubCounters counters_;
  std::array<Topics, kTopicKinds> topics_;
  std::map<std::string, std::unique_ptr<PubsubLink>> links_;  // by "host:port"
  std::map<std::string, Failure> failures_;
  std::vector<runtime::SocketAddress> masters_;
  std::vector<std::string> nodes_alive_;  // "host:port"
  PubsubLink* home_ = nullptr;
  std::optional<runtime::SocketAddress> publish_at_;
  std::size_t classic_topics_ = 0;  // that have an upstream
  std::unordered_set<Subscriber*> waiting_;
  std::unordered_set<Subscriber*> slow_;  // above the soft bound
  std::vector<std::pair<TopicKind, std::string>> changed_;  // not told to the other workers yet
  std::vector<Question> questions_;                         // the oldest first
  std::vector<std::string_view> words_;                     // reused
  std::string resp2_push_;                                  // reused
  runtime::TurnBudget delivering_;
  std::size_t delivered_since_look_ = 0;
  runtime::Timer timer_;
  std::uint64_t cared_at_ms_ = 0;
  bool needs_reconciling_ = false;
  bool is_telling_ = false;
  bool is_shut_down_ = false;
};

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

}  // namespace slotway::proxy
