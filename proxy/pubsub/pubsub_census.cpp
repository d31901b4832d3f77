// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/pubsub_census.h"

#include <unordered_set>

#include "protocol/glob.h"

namespace slotway::proxy {

void PubsubCensus::Take(const News& news) {
  Worker& worker = workers_[news.worker];
  worker.home = news.home;
  for (const Change& change : news.changes) {
    Table& table = worker.tables[IndexOf(change.kind)];
    if (const Figures* before = worker.Find(change.kind, change.name)) {
      leaving_ -= before->is_leaving ? 1 : 0;
    }
    leaving_ += change.figures.is_leaving ? 1 : 0;
    if (change.figures == Figures{}) {
      table.erase(change.name);
    } else {
      table.insert_or_assign(change.name, change.figures);
    }
  }
}

const PubsubCensus::Figures* PubsubCensus::Worker::Find(TopicKind kind,
                                                        std::string_view name) const {
  const Table& table = tables[IndexOf(kind)];
  auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

bool PubsubCensus::Worker::IsAt(const Figures& figures, TopicKind kind,
                                std::string_view node) const {
  // A shard channel is where its slot is, and so is its message.
  if (kind == TopicKind::kShard) return figures.links > 0;
  if (node == home) return figures.is_at_home;
  return figures.links > (figures.is_at_home ? 1u : 0u);
}

std::int64_t PubsubCensus::Receivers(TopicKind kind, std::string_view channel) const {
  std::int64_t count = Members(kind, channel);
  if (kind == TopicKind::kShard) return count;
  for (const Worker& worker : workers_) {
    for (const auto& [pattern, figures] : worker.tables[IndexOf(TopicKind::kPattern)]) {
      if (figures.members > 0 && protocol::GlobMatches(pattern, channel)) count += figures.members;
    }
  }
  return count;
}

std::int64_t PubsubCensus::OwnReceivers(TopicKind kind, std::string_view channel,
                                        std::string_view node) const {
  std::int64_t count = 0;
  for (const Worker& worker : workers_) {
    const Figures* figures = worker.Find(kind, channel);
    if (figures != nullptr && worker.IsAt(*figures, kind, node)) ++count;
    if (kind == TopicKind::kShard) continue;
    for (const auto& [pattern, its] : worker.tables[IndexOf(TopicKind::kPattern)]) {
      if (worker.IsAt(its, TopicKind::kPattern, node) && protocol::GlobMatches(pattern, channel)) {
        ++count;
      }
    }
  }
  return count;
}

std::int64_t PubsubCensus::Members(TopicKind kind, std::string_view name) const {
  std::int64_t count = 0;
  for (const Worker& worker : workers_) {
    if (const Figures* figures = worker.Find(kind, name)) count += figures->members;
  }
  return count;
}

std::int64_t PubsubCensus::OwnLinks(TopicKind kind, std::string_view name) const {
  std::int64_t count = 0;
  for (const Worker& worker : workers_) {
    if (const Figures* figures = worker.Find(kind, name)) count += figures->links;
  }
  return count;
}

std::size_t PubsubCensus::Names(TopicKind kind) const {
  std::unordered_set<std::string_view> names;
  for (const Worker& worker : workers_) {
    for (const auto& [name, figures] : worker.tables[IndexOf(kind)]) {
      if (figures.members > 0) names.insert(name);
    }
  }
  return names.size();
}

std::size_t PubsubCensus::OwnNamesAt(TopicKind kind, std::string_view node) const {
  std::unordered_set<std::string_view> names;
  for (const Worker& worker : workers_) {
    for (const auto& [name, figures] : worker.tables[IndexOf(kind)]) {
      if (worker.IsAt(figures, kind, node)) names.insert(name);
    }
  }
  return names.size();
}

}  // namespace slotway::proxy
