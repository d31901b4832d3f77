// SPDX-License-Identifier: Apache-2.0
// What keeps a client's requests to one slot in order when some of them are taken back.
//
// Requests are sent without waiting for the answers to earlier ones. So a shard that begins to
// serve again (it has loaded its data, the cluster is whole) may have refused one and run the next.
// Then the first may not be sent again: what was run stands before it.
#include <set>
#include <utility>

#include "proxy/routing/dispatcher.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {

// The clients of what an old owner still has to answer must not overtake it at the new owner. Who
// sends raw requests holds its client back by itself.
void Dispatcher::FenceMovedSlots() {
  pool_.ForEach([this](NodeIndex node, BackendConnection& backend) {
    auto& in_flight = backend.InFlightRequests();
    for (std::size_t i = 0; i < in_flight.Size(); ++i) {
      // Reads of replicas stand in no order with what the owner is sent.
      if (in_flight[i].lane.IsReadonly()) continue;
      if (in_flight[i].is_raw) continue;
      if (owners_[in_flight[i].slot] != node) MarkHeldBack(in_flight[i]);
    }
  });
}

void Dispatcher::MarkHeldBack(InFlight& request) {
  if (!request.HasClient() || request.is_held_back) return;
  request.is_held_back = true;
  request.Client().AddHeldBack();
}

// The front request is taken back. What its client has sent behind it to the same slot decides
// whether it can be sent again. Others' requests are marked with it: an error rarely comes alone,
// and one walk is to do for all that arrive together.
void Dispatcher::AwaitFollowers(BackendConnection& backend) {
  if (!backend.HasSentMore()) return;
  std::set<std::pair<const ReplyQueue*, protocol::Slot>> lines;
  auto& in_flight = backend.InFlightRequests();
  for (std::size_t i = 0; i < in_flight.Size(); ++i) {
    InFlight& request = in_flight[i];
    // Who sends raw requests waits for the answers to all others before.
    if (!request.HasClient() || request.is_raw || request.Client().Outstanding() < 2) continue;
    bool is_first = lines.insert({&request.Client(), request.slot}).second;
    if (is_first || request.is_awaited) continue;
    MarkHeldBack(request);
    request.is_awaited = true;
    hold_.Await(request.Client(), request.slot);
  }
}

bool Dispatcher::MustWaitInLine(const InFlight& request) const {
  const std::size_t itself = request.is_awaited ? 1 : 0;
  return hold_.HoldsBefore(request.Client(), request.slot, request.Sequence()) ||
         hold_.OnTheirWay(request.Client(), request.slot) > itself;
}

void Dispatcher::SendInLine(std::string_view bytes, const InFlight& request) {
  if (!hold_.HoldsFor(request.Client(), request.slot)) return Send(bytes, request);
  InFlight held = request;
  MarkHeldBack(held);
  Hold(std::string(bytes), held, trouble_text::kUnreachable, 0);
}

// What was only read can be read once more, behind what has to run before it.
bool Dispatcher::OnAwaitedReply(BackendConnection& backend, InFlight& request) {
  InFlight answered = request;
  request.is_awaited = false;
  if (answered.is_readonly &&
      hold_.HoldsBefore(answered.Client(), answered.slot, answered.Sequence())) {
    Hold(backend.FrontRequest(), answered, trouble_text::kUnreachable, 0);
    return true;
  }
  NoteFate(answered, true);
  return false;
}

// `has_run`: it may have. Its client hears of earlier ones why they were taken back.
void Dispatcher::NoteFate(InFlight& request, bool has_run) {
  if (!request.is_awaited) return;
  request.is_awaited = false;
  std::vector<HoldQueue::Held> overtaken;
  if (has_run) overtaken = hold_.TakeBefore(request.Client(), request.slot, request.Sequence());
  hold_.NoteFate(request.Client(), request.slot, has_run);
  UseEach(overtaken, [](const HoldQueue::Held& held) {
    AnswerError(held.request, held.error);
    return true;
  });
  if (!hold_.Empty()) StartHoldTimer(0);
}

void Dispatcher::UseEach(std::vector<HoldQueue::Held>& held, const UseHeld& use) {
  auto* outer = std::exchange(in_use_, &held);
  for (HoldQueue::Held& one : held) {
    if (!std::exchange(one.is_done, true)) one.is_done = use(one);
  }
  in_use_ = outer;
  std::erase_if(held, [](const HoldQueue::Held& one) { return one.is_done; });
}

void Dispatcher::Refuse(InFlight request, std::string_view error) {
  NoteFate(request, false);
  AnswerError(request, error);
}

}  // namespace slotway::proxy
