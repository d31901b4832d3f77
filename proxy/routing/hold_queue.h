// SPDX-License-Identifier: Apache-2.0
// Requests kept back while their shard cannot take them: during a failover, a resharding, a start.
//
// In the order of arrival, but a client's requests to one slot in the order in which it sent them;
// bounded in time, number and bytes. Each request has not run yet, or may run again. Belongs to its
// worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
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
  // Whether one more request of `bytes` fits.
  bool HasRoom(std::size_t bytes) const {
    return held_.size() < limits_.requests_max && bytes_ + bytes <= limits_.bytes_max;
  }
  void Add(Held held);
  // Whether a request of this client to this slot is held, which later ones must not overtake.
  bool HoldsFor(const ReplyQueue& client, protocol::Slot slot) const {
    return !held_.empty() && count_of_.contains({&client, slot});
  }

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
  static Whose WhoseIs(const Held& held) { return {&held.request.Client(), held.request.slot}; }

  template <class Wanted>
  std::vector<Held> TakeIf(Wanted wanted);

  Limits limits_;
  std::list<Held> held_;
  std::map<Whose, std::size_t> count_of_;
  std::size_t bytes_ = 0;
  std::uint64_t earliest_due_ms_ = kUntilMadeDue;  // lets TakeDue() return at once
};

}  // namespace slotway::proxy
