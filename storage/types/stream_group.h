// SPDX-License-Identifier: Apache-2.0
// A consumer group of a stream: what was delivered last, what is pending, and with whom.
//
//   pending_   id -> when delivered, how often, to whom        each id once
//   consumers  name -> its own ids of those                     in the order of names
//
// Every pending id is with exactly one consumer. Belongs to a StreamValue, whose account counts it.
// One thread only. References to consumers last until they are removed, cursors until the next
// change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/types/id_map.h"
#include "storage/types/stream_id.h"

namespace slotway::storage {

struct StreamConsumer {
  static constexpr std::int64_t kNeverActive = -1;
  struct Nothing {};
  using Ids = IdMap<Nothing>;

  StreamConsumer(std::string_view consumer_name, std::int64_t now_ms, IdMapAccount& account)
      : name(consumer_name), seen_ms(now_ms), pending(account) {}

  std::string name;
  std::int64_t seen_ms;                    // when it last asked for something
  std::int64_t active_ms = kNeverActive;  // when it last got something
  Ids pending;
};

struct PendingEntry {
  std::int64_t delivered_ms = 0;
  std::uint64_t deliveries = 0;
  StreamConsumer* consumer = nullptr;
};

class StreamGroup {
 public:
  using Pending = IdMap<PendingEntry>;
  using Consumers = std::map<std::string, std::unique_ptr<StreamConsumer>, std::less<>>;
  static constexpr std::int64_t kUnknownEntriesRead = -1;

  StreamGroup(StreamId delivered_id, std::int64_t read_count, IdMapAccount& account)
      : last_delivered(delivered_id), entries_read(read_count), account_(account),
        pending_(account) {}
  ~StreamGroup();
  StreamGroup(const StreamGroup&) = delete;
  StreamGroup& operator=(const StreamGroup&) = delete;

  StreamId last_delivered;
  // How many entries were ever added up to the last delivered one.
  std::int64_t entries_read;

  const Pending& pending() const { return pending_; }
  const Consumers& consumers() const { return consumers_; }

  // nullptr when there is none.
  StreamConsumer* FindConsumer(std::string_view name) const;
  // REQUIRES: there is none of that name.
  StreamConsumer& AddConsumer(std::string_view name, std::int64_t now_ms);
  // Whatever is pending with it is forgotten.
  void RemoveConsumer(StreamConsumer& consumer);

  PendingEntry* FindPending(StreamId id) const { return pending_.Find(id); }
  // Makes an entry pending, or gives it to another consumer: delivered once, now.
  void Deliver(StreamId id, StreamConsumer& consumer, std::int64_t now_ms);
  // The same without touching the other numbers. REQUIRES: `entry` is the pending one of `id`.
  void GiveTo(StreamId id, PendingEntry& entry, StreamConsumer& consumer);
  // An entry that nobody has yet: it must be given to somebody right after. False when it is
  // pending already.
  bool AddUnowned(StreamId id, std::int64_t delivered_ms, std::uint64_t deliveries) {
    return pending_.Insert(id, {delivered_ms, deliveries, nullptr});
  }
  bool Acknowledge(StreamId id);

  std::unique_ptr<StreamGroup> Clone(IdMapAccount& account) const;
  // Frees some of what is pending and returns how many entries, 0 when nothing is left.
  std::size_t FreeSome();

 private:
  // What a consumer takes beside its ids.
  static std::size_t BytesOf(const StreamConsumer& consumer) {
    return sizeof consumer + 2 * consumer.name.size() + sizeof(Consumers::value_type) +
           4 * sizeof(void*);
  }

  IdMapAccount& account_;
  Consumers consumers_;
  Pending pending_;
};

}  // namespace slotway::storage
