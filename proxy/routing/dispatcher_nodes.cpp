// SPDX-License-Identifier: Apache-2.0
// The dispatcher's single nodes: their names and marks, and requests to one of them.
#include "proxy/routing/dispatcher.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kMarkBasis = 0xcbf29ce484222325u;
// Spreads every bit of `value` over the mark (the finaliser of splitmix64).
std::uint64_t Mix(std::uint64_t mark, std::uint64_t value) {
  mark ^= value;
  mark = (mark ^ (mark >> 30)) * 0xbf58476d1ce4e5b9u;
  mark = (mark ^ (mark >> 27)) * 0x94d049bb133111ebu;
  return mark ^ (mark >> 31);
}

}  // namespace

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
  for (std::size_t slot = 0; slot < node_of_slot_.size(); ++slot) {
    if (slot > 0 && node_of_slot_[slot] == last) continue;
    last = node_of_slot_[slot];
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

}  // namespace slotway::proxy
