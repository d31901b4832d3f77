// SPDX-License-Identifier: Apache-2.0
// Requests kept back while their shard cannot take them: during a failover, a resharding, a start.
//
// In the order of arrival, but a client's requests to one slot in the order in which it sent them;
// bounded in time, number and bytes. Each request has not run yet, or may run again. Belongs to its
// worker's thread.
//
// A client's requests to one slot are a line. The first goes alone, and the others when it was not
// taken back; none goes while the fate of one of the line that is on its way is open. Otherwise a
// shard that begins to serve again could refuse an earlier one and run a later one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/reply/in_flight.h"

namespace slotway::proxy {

class HoldQueue {
 public:
  struct Limits {
    std::uint64_t time_max_ms;
    std::size_t requests_max;
    std::size_t bytes_max;
  };
  struct Held {
    InFlight request;
    std::string bytes;
    std::string error;         // what the client gets if the time runs out, without '-'
    std::uint64_t due_ms = 0;  // not before; kUntilMadeDue: waits for MakeAllDue()
    bool is_done = false;      // was dealt with, while others taken with it were still to be
  };

  static constexpr std::uint64_t kUntilMadeDue = UINT64_MAX;

  explicit HoldQueue(const Limits& limits) : limits_(limits) {}

  void SetLimits(const Limits& limits) { limits_ = limits; }

  bool Empty() const { return held_.empty(); }
  std::size_t Size() const { return held_.size(); }
  std::size_t Bytes() const { return bytes_; }
  // Whether one more request of `bytes` fits. One of any size does if nothing else is held: a shard
  // that is only being connected to must not refuse what it would take a moment later.
  bool HasRoom(std::size_t bytes) const {
    if (held_.empty()) return true;
    return held_.size() < limits_.requests_max && bytes_ + bytes <= limits_.bytes_max;
  }
  // Half full: who sends more should wait for the answers to what was sent.
  bool IsCrowded() const {
    return bytes_ > limits_.bytes_max / 2 || held_.size() > limits_.requests_max / 2;
  }
  void Add(Held held);
  // A request of this client to this slot is on its way: those held wait until NoteFate().
  void Await(const ReplyQueue& client, protocol::Slot slot);
  // What became of it. `has_run`: it was not taken back, so the rest may go.
  void NoteFate(const ReplyQueue& client, protocol::Slot slot, bool has_run);
  std::size_t OnTheirWay(const ReplyQueue& client, protocol::Slot slot) const {
    auto line = lines_.find({&client, slot});
    return line == lines_.end() ? 0 : line->second.on_their_way;
  }
  // Whether a request of this client to this slot is held, which later ones must not overtake.
  bool HoldsFor(const ReplyQueue& client, protocol::Slot slot) const {
    if (held_.empty()) return false;
    auto line = lines_.find({&client, slot});
    return line != lines_.end() && !line->second.held.empty();
  }
  // Those that the client sent before `sequence`.
  bool HoldsBefore(const ReplyQueue& client, protocol::Slot slot,
                   ReplyQueue::Sequence sequence) const;
  std::vector<Held> TakeBefore(const ReplyQueue& client, protocol::Slot slot,
                               ReplyQueue::Sequence sequence);

  // Removes what may be tried now, in order; a client's request never overtakes an earlier one of
  // the same client and slot.
  std::vector<Held> TakeDue(std::uint64_t now_ms);
  // Returns what TakeDue() gave and could not be sent, in the same order.
  void PutBack(std::vector<Held> held);
  // Removes what has been held longer than the bound.
  std::vector<Held> TakeExpired(std::uint64_t now_ms);
  std::vector<Held> TakeAll();
  // Removes the tickets of this taker.
  std::vector<Held> TakeTicketsOf(const ReplyTaker& taker);
  // Nothing waits for its time any longer: the next TakeDue() takes all.
  void MakeAllDue();

  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Held& held : held_) visit(held.request);
  }

 private:
  using Whose = std::pair<const ReplyQueue*, protocol::Slot>;
  struct InOrder {
    bool operator()(ReplyQueue::Sequence a, ReplyQueue::Sequence b) const {
      return static_cast<std::int32_t>(a - b) < 0;  // they wrap around
    }
  };
  struct Line {
    std::multiset<ReplyQueue::Sequence, InOrder> held;  // the parts of one request have one number
    std::size_t on_their_way = 0;
    bool is_open = false;  // the one that went ahead has run
  };
  static Whose WhoseIs(const Held& held) { return {&held.request.Client(), held.request.slot}; }
  void ForgetIfOver(std::map<Whose, Line>::iterator line);

  template <class Wanted>
  std::vector<Held> TakeIf(Wanted wanted);

  Limits limits_;
  std::list<Held> held_;
  std::map<Whose, Line> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t earliest_due_ms_ = kUntilMadeDue;  // lets TakeDue() return at once
};

}  // namespace slotway::proxy
