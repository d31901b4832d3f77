// SPDX-License-Identifier: Apache-2.0
#include "storage/types/stream_group.h"

namespace slotway::storage {

StreamGroup::~StreamGroup() {
  for (const auto& [name, consumer] : consumers_) account_.bytes -= BytesOf(*consumer);
}

StreamConsumer* StreamGroup::FindConsumer(std::string_view name) const {
  const auto found = consumers_.find(name);
  return found != consumers_.end() ? found->second.get() : nullptr;
}

StreamConsumer& StreamGroup::AddConsumer(std::string_view name, std::int64_t now_ms) {
  auto added = std::make_unique<StreamConsumer>(name, now_ms, account_);
  StreamConsumer& consumer = *added;
  consumers_.emplace(std::string(name), std::move(added));
  account_.bytes += BytesOf(consumer);
  return consumer;
}

void StreamGroup::RemoveConsumer(StreamConsumer& consumer) {
  for (auto at = consumer.pending.Begin(); at != consumer.pending.End(); at.Next()) {
    pending_.Erase(at.id());
  }
  account_.bytes -= BytesOf(consumer);
  consumers_.erase(consumers_.find(consumer.name));
}

void StreamGroup::Deliver(StreamId id, StreamConsumer& consumer, std::int64_t now_ms) {
  if (pending_.Insert(id, {now_ms, 1, &consumer})) {
    consumer.pending.Insert(id, {});
    return;
  }
  PendingEntry& entry = *pending_.Find(id);
  entry.delivered_ms = now_ms;
  entry.deliveries = 1;
  GiveTo(id, entry, consumer);
}

void StreamGroup::GiveTo(StreamId id, PendingEntry& entry, StreamConsumer& consumer) {
  if (entry.consumer == &consumer) return;
  if (entry.consumer != nullptr) entry.consumer->pending.Erase(id);
  consumer.pending.Insert(id, {});
  entry.consumer = &consumer;
}

bool StreamGroup::Acknowledge(StreamId id) {
  const auto at = pending_.LowerBound(id);
  if (at == pending_.End() || at.id() != id) return false;
  at.value().consumer->pending.Erase(id);
  pending_.Erase(at);
  return true;
}

std::unique_ptr<StreamGroup> StreamGroup::Clone(IdMapAccount& account) const {
  auto copy = std::make_unique<StreamGroup>(last_delivered, entries_read, account);
  for (auto at = pending_.Begin(); at != pending_.End(); at.Next()) {
    copy->AddUnowned(at.id(), at.value().delivered_ms, at.value().deliveries);
  }
  for (const auto& [name, consumer] : consumers_) {
    StreamConsumer& twin = copy->AddConsumer(name, consumer->seen_ms);
    twin.active_ms = consumer->active_ms;
    for (auto at = consumer->pending.Begin(); at != consumer->pending.End(); at.Next()) {
      copy->GiveTo(at.id(), *copy->FindPending(at.id()), twin);
    }
  }
  return copy;
}

std::size_t StreamGroup::FreeSome() {
  if (const std::size_t freed = pending_.FreeLastBlock(); freed > 0) return freed;
  for (const auto& [name, consumer] : consumers_) {
    if (const std::size_t freed = consumer->pending.FreeLastBlock(); freed > 0) return freed;
  }
  return 0;
}

}  // namespace slotway::storage
