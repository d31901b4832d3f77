// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/hold_queue.h"

#include <algorithm>
#include <set>
#include <utility>

namespace slotway::proxy {

void HoldQueue::Add(Held held) {
  bytes_ += held.bytes.size();
  earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
  Whose whose = WhoseIs(held);
  auto place = held_.end();
  if (count_of_[whose]++ > 0) {
    // One that went another way before may come behind a later one.
    for (auto i = held_.end(); i != held_.begin();) {
      if (WhoseIs(*--i) != whose) continue;
      if (static_cast<std::int32_t>(i->request.Sequence() - held.request.Sequence()) <= 0) break;
      place = i;
    }
  }
  held_.insert(place, std::move(held));
}

void HoldQueue::PutBack(std::vector<Held> held) {
  for (auto i = held.rbegin(); i != held.rend(); ++i) {
    bytes_ += i->bytes.size();
    earliest_due_ms_ = std::min(earliest_due_ms_, i->due_ms);
    ++count_of_[WhoseIs(*i)];
    held_.push_front(std::move(*i));
  }
}

template <class Wanted>
std::vector<HoldQueue::Held> HoldQueue::TakeIf(Wanted wanted) {
  std::vector<Held> taken;
  for (auto i = held_.begin(); i != held_.end();) {
    if (!wanted(*i)) {
      ++i;
      continue;
    }
    bytes_ -= i->bytes.size();
    auto count = count_of_.find(WhoseIs(*i));
    if (--count->second == 0) count_of_.erase(count);
    taken.push_back(std::move(*i));
    i = held_.erase(i);
  }
  return taken;
}

std::vector<HoldQueue::Held> HoldQueue::TakeDue(std::uint64_t now_ms) {
  if (earliest_due_ms_ > now_ms) return {};
  earliest_due_ms_ = kUntilMadeDue;
  std::set<Whose> waiting;
  return TakeIf([&](const Held& held) {
    Whose whose = WhoseIs(held);
    if (held.due_ms <= now_ms && !waiting.contains(whose)) return true;
    waiting.insert(whose);
    earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
    return false;
  });
}

std::vector<HoldQueue::Held> HoldQueue::TakeExpired(std::uint64_t now_ms) {
  return TakeIf([&](const Held& held) {
    // Signed: the clock of milliseconds wraps, and a time that was rounded may lie ahead.
    auto held_for_ms =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(now_ms) - held.request.held_since_ms);
    return held_for_ms >= 0 && static_cast<std::uint64_t>(held_for_ms) >= limits_.time_max_ms;
  });
}

std::vector<HoldQueue::Held> HoldQueue::TakeAll() {
  return TakeIf([](const Held&) { return true; });
}

std::vector<HoldQueue::Held> HoldQueue::TakeTicketsOf(const ReplyTaker& taker) {
  return TakeIf([&](const Held& held) {
    return held.request.kind == InFlight::Kind::kTicket && held.request.taker == &taker;
  });
}

void HoldQueue::MakeAllDue() {
  for (Held& held : held_) held.due_ms = 0;
  if (!held_.empty()) earliest_due_ms_ = 0;
}

}  // namespace slotway::proxy
