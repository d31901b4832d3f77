// SPDX-License-Identifier: Apache-2.0
// One client's subscriptions, and what of their messages it has not taken yet.
//
// The hub keeps them; the client's session owns this. Belongs to its worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/resp_writer.h"
#include "proxy/pubsub/topic.h"
#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

class Subscriber {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // What the client is subscribed to is another than before.
    virtual void OnSubscriptionsChanged() = 0;
    // It does not take its messages: it is to be cut. Does not destroy the subscriber.
    virtual void OnTooSlow(std::string_view reason) = 0;
  };

  struct Answer {
    ReplyQueue& queue;
    ReplyQueue::Sequence place;
  };

  Subscriber(ReplyQueue& queue, Owner& owner, protocol::RespVersion version)
      : queue_(queue), owner_(owner), version_(version) {}
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  std::size_t Count(TopicKind kind) const { return topics_[proxy::IndexOf(kind)].size(); }
  // As confirmations count: shard channels by themselves, the others together.
  std::size_t ConfirmedCount(TopicKind kind) const {
    if (kind == TopicKind::kShard) return Count(kind);
    return Count(TopicKind::kChannel) + Count(TopicKind::kPattern);
  }
  std::size_t Total() const { return ConfirmedCount(TopicKind::kChannel) + Count(TopicKind::kShard); }
  // Calls `visit(kind, name)` for each of them.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t kind = 0; kind < kTopicKinds; ++kind) {
      for (const auto& [topic, place] : topics_[kind]) {
        visit(static_cast<TopicKind>(kind), std::string_view(topic->name));
      }
    }
  }
  void SetVersion(protocol::RespVersion version) { version_ = version; }
  protocol::RespVersion Version() const { return version_; }
  ReplyQueue& Queue() const { return queue_; }

  // Cuts the client if it has more to take than it may. True while it has to be looked after.
  bool CheckOutput(const config::LimitsConfig& limits, std::uint64_t now_ms);

 private:
  friend class PubsubHub;

  // A request to subscribe or unsubscribe that waits for upstream. At most one: meanwhile no
  // request of the client is taken.
  struct Wait {
    TopicKind kind;
    bool is_join;
    Answer answer;
    std::vector<Topic*> topics = {};  // in the order of the request
    std::size_t open = 0;        // how many of them are not settled
    std::uint64_t deadline_ms = 0;
    std::string reply = {};      // of a request to unsubscribe
  };

  // Appends one confirmation; `name` nullptr: there was nothing to unsubscribe from.
  void Confirm(TopicKind kind, bool is_join, const std::string_view* name, std::string& out) const;

  ReplyQueue& queue_;
  Owner& owner_;
  protocol::RespVersion version_;
  // Where it stands among the topic's members.
  std::array<std::unordered_map<Topic*, std::size_t>, kTopicKinds> topics_;
  std::optional<Wait> wait_;
  std::uint64_t soft_since_ms_ = 0;  // 0: below the soft bound
  bool is_cut_ = false;
};

}  // namespace slotway::proxy
