// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/front_door.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {

struct FrontDoor::Door {
  Listener listener;
  std::unique_ptr<runtime::Acceptor> acceptor;
};

namespace {

bool IsSamePlace(const config::ListenerConfig& a, const config::ListenerConfig& b) {
  if (!a.path.empty()) return a.path == b.path;
  return b.path.empty() && a.address == b.address && a.port == b.port;
}

runtime::Result<runtime::SocketAddress> AddressOf(const config::ListenerConfig& listener) {
  if (!listener.path.empty()) return runtime::SocketAddress::FromPath(listener.path);
  return runtime::SocketAddress::FromNumeric(listener.address, listener.port);
}

}  // namespace

FrontDoor::FrontDoor(runtime::EventLoop& loop, OnClient on_client)
    : loop_(loop), on_client_(std::move(on_client)) {}

FrontDoor::~FrontDoor() = default;

runtime::Result<std::unique_ptr<FrontDoor::Door>> FrontDoor::OpenDoor(
    const config::ListenerConfig& listener, int backlog) {
  auto address = AddressOf(listener);
  if (!address) return runtime::Fail("listeners: " + address.error().text);
  auto door = std::make_unique<Door>();
  auto acceptor =
      runtime::Acceptor::Listen(loop_, *address, {backlog, listener.permissions},
                                [this, door = door.get()](runtime::OwnedFd accepted) {
                                  on_client_(std::move(accepted), door->listener);
                                });
  if (!acceptor) return tl::unexpected(acceptor.error());
  door->acceptor = *std::move(acceptor);
  return door;
}

runtime::Result<void> FrontDoor::Open(const std::vector<config::ListenerConfig>& listeners,
                                      int backlog) {
  std::vector<std::unique_ptr<Door>> opened(listeners.size());
  std::vector<Door*> kept(listeners.size(), nullptr);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (const auto& door : doors_) {
      bool is_taken = std::find(kept.begin(), kept.end(), door.get()) != kept.end();
      if (!is_taken && IsSamePlace(*door->listener, listeners[i])) kept[i] = door.get();
      if (kept[i] != nullptr) break;
    }
    if (kept[i] != nullptr) continue;
    auto door = OpenDoor(listeners[i], backlog);
    if (!door) return tl::unexpected(door.error());
    opened[i] = *std::move(door);
  }
  // From here on nothing fails.
  std::vector<std::unique_ptr<Door>> before = std::move(doors_);
  doors_ = std::move(opened);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (auto& door : before) {
      if (kept[i] == nullptr || door.get() != kept[i]) continue;
      doors_[i] = std::move(door);
      doors_[i]->acceptor->SetPermissions(listeners[i].permissions);
    }
    doors_[i]->listener = std::make_shared<const config::ListenerConfig>(listeners[i]);
  }
  return {};
}

void FrontDoor::AdmitWaiting() {
  for (const auto& door : doors_) door->acceptor->AcceptWaiting();
}

void FrontDoor::Close() { doors_.clear(); }

std::vector<runtime::SocketAddress> FrontDoor::Addresses() const {
  std::vector<runtime::SocketAddress> addresses;
  for (const auto& door : doors_) addresses.push_back(door->acceptor->Address());
  return addresses;
}

}  // namespace slotway::proxy
