// SPDX-License-Identifier: Apache-2.0
// Who listens to what through this proxy, over all its workers: what PUBLISH and PUBSUB need in
// order to answer as one Redis would.
//
// A shard counts a worker's one upstream subscription where there are many clients or, after they
// left, none. Every worker has a census of its own; each tells the others what changes with it.
// Belongs to its worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/pubsub/topic.h"
#include "runtime/text_hash.h"

namespace slotway::proxy {

class PubsubCensus {
 public:
  // Of one topic at one worker.
  struct Figures {
    std::uint32_t members = 0;
    std::uint32_t links = 0;  // its confirmed upstream subscriptions
    bool is_at_home = false;  // one of them is at the worker's home node
    bool is_leaving = false;  // the shard has still to confirm the end of one
    bool operator==(const Figures&) const = default;
  };
  struct Change {
    TopicKind kind;
    std::string name;
    Figures figures;
  };
  struct News {
    std::size_t worker = 0;
    std::string home;  // the node where that worker listens, "host:port", or empty
    std::vector<Change> changes;
  };

  explicit PubsubCensus(std::size_t workers) : workers_(workers) {}

  void Take(const News& news);

  // Subscribers of a channel and, if it is no shard channel, of the patterns that match it.
  std::int64_t Receivers(TopicKind kind, std::string_view channel) const;
  // How many of the receivers that `node` counts are this proxy's own upstream subscriptions.
  std::int64_t OwnReceivers(TopicKind kind, std::string_view channel, std::string_view node) const;
  std::int64_t Members(TopicKind kind, std::string_view name) const;
  // This proxy's own subscriptions to it on all nodes together.
  std::int64_t OwnLinks(TopicKind kind, std::string_view name) const;
  // Of how many topics shards have still to confirm the end: what they say may be out of date.
  std::size_t Leaving() const { return leaving_; }
  // Names that clients are subscribed to, each once.
  std::size_t Names(TopicKind kind) const;
  // This proxy's own subscriptions of that kind at `node`, each name once.
  std::size_t OwnNamesAt(TopicKind kind, std::string_view node) const;

 private:
  using Table = runtime::TextMap<Figures>;
  struct Worker {
    std::string home;
    std::array<Table, kTopicKinds> tables;

    const Figures* Find(TopicKind kind, std::string_view name) const;
    // Whether it is subscribed at `node`.
    bool IsAt(const Figures& figures, TopicKind kind, std::string_view node) const;
  };

  std::vector<Worker> workers_;
  std::size_t leaving_ = 0;
};

}  // namespace slotway::proxy
