// SPDX-License-Identifier: Apache-2.0
#include "storage/server/peer_finder.h"

#include <utility>

#include "runtime/log.h"
#include "runtime/resolver.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kRoundMs = 500;
constexpr std::uint16_t kBusPortOffset = 10000;

}  // namespace

PeerFinder::PeerFinder(runtime::EventLoop& loop, cluster::ClusterBus& bus,
                       const cluster::Formation& formation, std::vector<config::PeerAddress> peers,
                       std::uint16_t bus_port)
    : loop_(loop),
      bus_(bus),
      formation_(formation),
      peers_(std::move(peers)),
      bus_port_(bus_port),
      timer_(loop) {}

PeerFinder::~PeerFinder() { *is_alive_ = false; }

void PeerFinder::Start() {
  Look();
  timer_.Start(kRoundMs, kRoundMs, [this] { Look(); });
}

void PeerFinder::Look() {
  if (pending_ != 0 || !formation_.SeeksPeers()) return;
  for (const config::PeerAddress& peer : peers_) {
    ++pending_;
    runtime::Resolve(
        loop_, peer.host, peer.port,
        [this, host = peer.host,
         is_alive = is_alive_](runtime::Result<std::vector<runtime::SocketAddress>> addresses) {
          if (!*is_alive) return;
          --pending_;
          if (!addresses) {
            return runtime::LogInfo("cluster-peers: {}: {}", host, addresses.error().text);
          }
          for (const runtime::SocketAddress& address : *addresses) Meet(address);
        });
  }
}

void PeerFinder::Meet(const runtime::SocketAddress& address) {
  if (formation_.IsKnownAddress(address.Host(), address.Port())) return;
  const auto bus_port =
      bus_port_ != 0 ? bus_port_ : static_cast<std::uint16_t>(address.Port() + kBusPortOffset);
  bus_.Meet(address.Host(), address.Port(), bus_port);
}

}  // namespace slotway::storage
