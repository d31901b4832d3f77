// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/hold_queue.h"

#include <algorithm>
#include <set>
#include <utility>

namespace slotway::proxy {

void HoldQueue::Add(Held held) {
  bytes_ += held.bytes.size();
  earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
  held_.push_back(std::move(held));
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
    taken.push_back(std::move(*i));
    i = held_.erase(i);
  }
  return taken;
}

std::vector<HoldQueue::Held> HoldQueue::TakeDue(std::uint64_t now_ms) {
  if (earliest_due_ms_ > now_ms) return {};
  earliest_due_ms_ = kUntilMadeDue;
  std::set<std::pair<const ReplyQueue*, protocol::Slot>> waiting;
  return TakeIf([&](const Held& held) {
    std::pair<const ReplyQueue*, protocol::Slot> whose{&held.request.Client(), held.request.slot};
    if (held.due_ms <= now_ms && !waiting.contains(whose)) return true;
    waiting.insert(whose);
    earliest_due_ms_ = std::min(earliest_due_ms_, held.due_ms);
    return false;
  });
}

std::vector<HoldQueue::Held> HoldQueue::TakeExpired(std::uint64_t now_ms) {
  return TakeIf([&](const Held& held) {
    auto held_for = static_cast<std::uint32_t>(now_ms) - held.request.held_since_ms;
    return held_for >= limits_.time_max_ms;
  });
}

std::vector<HoldQueue::Held> HoldQueue::TakeAll() {
  return TakeIf([](const Held&) { return true; });
}

void HoldQueue::MakeAllDue() {
  for (Held& held : held_) held.due_ms = 0;
  if (!held_.empty()) earliest_due_ms_ = 0;
}

}  // namespace slotway::proxy
