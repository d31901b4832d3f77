// SPDX-License-Identifier: Apache-2.0
// What operations need of the dispatcher that send raw requests and look after them themselves.
#include <algorithm>
#include <utility>

#include "protocol/error_text.h"
#include "proxy/routing/dispatcher.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;

constexpr std::uint64_t kDelayMinMs = 10;

constexpr std::uint64_t kMarkBasis = 0xcbf29ce484222325u;
// Spreads every bit of `value` over the mark (the finaliser of splitmix64).
std::uint64_t Mix(std::uint64_t mark, std::uint64_t value) {
  mark ^= value;
  mark = (mark ^ (mark >> 30)) * 0xbf58476d1ce4e5b9u;
  mark = (mark ^ (mark >> 27)) * 0x94d049bb133111ebu;
  return mark ^ (mark >> 31);
}

}  // namespace

BackendConnection* Dispatcher::ReadyConnectionAlong(const runtime::SocketAddress& from,
                                                    std::string_view reply, Lane lane) {
  protocol::Redirect redirect{};
  NodeIndex node = NodeOfRedirect(from, reply, redirect);
  if (node == kNoNodeIndex) return nullptr;
  if (redirect.kind == protocol::Redirect::Kind::kAsk) counters_.asked.Add();
  pool_.Want(node, lane);
  return pool_.Ready(node, lane);
}

void Dispatcher::Await(Slot slot, Lane lane, ReplyTaker& taker, std::size_t part,
                       std::string_view error, std::uint64_t delay_ms,
                       std::uint32_t& waiting_since_ms) {
  InFlight ticket;
  ticket.kind = InFlight::Kind::kTicket;
  ticket.taker = &taker;
  ticket.place = static_cast<std::uint32_t>(part);
  ticket.slot = slot;
  ticket.lane = lane;
  if (waiting_since_ms == 0) {
    waiting_since_ms = std::max(static_cast<std::uint32_t>(loop_.NowMs()), 1u);
  }
  ticket.held_since_ms = waiting_since_ms;
  MarkHeldBack(ticket);
  WantOwner(ticket);
  request_refresh_();
  if (IsTroubleTooOld(slot)) return AnswerError(ticket, error);
  Hold({}, ticket, error, std::max(delay_ms, kDelayMinMs));
}

std::optional<runtime::SocketAddress> Dispatcher::OwnerOf(Slot slot) const {
  NodeIndex node = owners_[slot];
  if (node == kNoNodeIndex) return std::nullopt;
  return pool_.AddressOf(node);
}

std::optional<Dispatcher::RedirectTarget> Dispatcher::LearnRedirect(
    const runtime::SocketAddress& from, std::string_view reply) {
  protocol::Redirect redirect{};
  NodeIndex node = NodeOfRedirect(from, reply, redirect);
  request_refresh_();
  if (node == kNoNodeIndex) return std::nullopt;
  if (redirect.kind == protocol::Redirect::Kind::kMoved) {
    counters_.moved.Add();
    CorrectOwner(redirect.slot, node);
  } else {
    counters_.asked.Add();
  }
  return RedirectTarget{redirect.kind, redirect.slot, pool_.AddressOf(node)};
}

std::string Dispatcher::NameOf(NodeIndex node) const {
  return node == kNoNodeIndex ? "unknown" : pool_.AddressOf(node).ToString();
}

std::uint64_t Dispatcher::MarkOf(NodeIndex node) const {
  if (node == kNoNodeIndex) return 0;
  const protocol::Endpoint& endpoint = pool_.EndpointOf(node);
  std::uint64_t mark = kMarkBasis;
  for (char c : endpoint.host) mark = Mix(mark, static_cast<unsigned char>(c));
  return Mix(mark, endpoint.port);
}

std::uint64_t Dispatcher::MarkOfMap() const {
  if (mark_of_map_) return *mark_of_map_;
  std::uint64_t mark = kMarkBasis;
  NodeIndex last = kNoNodeIndex;
  auto owners = owners_.Each();
  for (std::size_t slot = 0; slot < owners.size(); ++slot) {
    if (slot > 0 && owners[slot] == last) continue;
    last = owners[slot];
    mark = Mix(Mix(mark, slot), MarkOf(last));
  }
  mark_of_map_ = mark;
  return mark;
}

bool Dispatcher::SendToNode(NodeIndex node, std::string_view bytes, InFlight request) {
  BackendConnection* backend = pool_.Ready(node, request.lane);
  if (backend == nullptr) {
    pool_.Want(node, request.lane);
    return false;
  }
  request.is_raw = true;
  backend->Send(bytes, request);
  return true;
}

bool Dispatcher::SendToNode(const runtime::SocketAddress& node, std::string_view bytes,
                            InFlight request) {
  NodeIndex index = pool_.Find({node.Host(), node.Port()});
  return index != kNoNodeIndex && SendToNode(index, bytes, request);
}

void Dispatcher::CancelAwait(const ReplyTaker& taker) {
  for (HoldQueue::Held& held : hold_.TakeTicketsOf(taker)) {
    if (held.request.is_held_back) held.request.Client().RemoveHeldBack();
  }
  if (in_use_ == nullptr) return;
  for (HoldQueue::Held& held : *in_use_) {
    bool is_ticket = held.request.kind == InFlight::Kind::kTicket && held.request.taker == &taker;
    if (!is_ticket || std::exchange(held.is_done, true)) continue;
    if (held.request.is_held_back) held.request.Client().RemoveHeldBack();
  }
}

}  // namespace slotway::proxy
