// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/hold_queue.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace slotway::proxy {

void HoldQueue::Add(Held held) {
  bytes_ += held.bytes.size();
  earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
  Whose whose = WhoseIs(held);
  auto place = held_.end();
  Line& line = lines_[whose];
  line.is_open = false;
  line.held.insert(held.request.Sequence());
  if (line.held.size() > 1) {
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
    lines_[WhoseIs(*i)].held.insert(i->request.Sequence());
    held_.push_front(std::move(*i));
  }
}

void HoldQueue::Await(const ReplyQueue& client, protocol::Slot slot) {
  ++lines_[{&client, slot}].on_their_way;
}

void HoldQueue::NoteFate(const ReplyQueue& client, protocol::Slot slot, bool has_run) {
  auto line = lines_.find({&client, slot});
  assert(line != lines_.end() && line->second.on_their_way > 0);
  --line->second.on_their_way;
  line->second.is_open |= has_run;
  if (!line->second.held.empty()) earliest_due_ms_ = 0;
  ForgetIfOver(line);
}

void HoldQueue::ForgetIfOver(std::map<Whose, Line>::iterator line) {
  if (line->second.held.empty() && line->second.on_their_way == 0) lines_.erase(line);
}

bool HoldQueue::HoldsBefore(const ReplyQueue& client, protocol::Slot slot,
                            ReplyQueue::Sequence sequence) const {
  if (!HoldsFor(client, slot)) return false;
  return InOrder()(*lines_.find({&client, slot})->second.held.begin(), sequence);
}

std::vector<HoldQueue::Held> HoldQueue::TakeBefore(const ReplyQueue& client, protocol::Slot slot,
                                                   ReplyQueue::Sequence sequence) {
  if (!HoldsBefore(client, slot, sequence)) return {};
  return TakeIf([&](const Held& held) {
    return WhoseIs(held) == Whose{&client, slot} && InOrder()(held.request.Sequence(), sequence);
  });
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
    auto line = lines_.find(WhoseIs(*i));
    line->second.held.erase(line->second.held.find(i->request.Sequence()));
    ForgetIfOver(line);
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
    const Line& line = lines_[whose];
    bool may_go = held.due_ms <= now_ms || line.is_open;
    may_go = may_go && line.on_their_way == 0 && !waiting.contains(whose);
    if (may_go && line.is_open) return true;
    waiting.insert(whose);
    if (!may_go) earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
    return may_go;
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
