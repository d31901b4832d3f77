// SPDX-License-Identifier: Apache-2.0
// Every listener of the process. What they accept is given away together with the listener's
// settings. Belongs to the main loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "config/proxy_config.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/owned_fd.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::proxy {

class FrontDoor {
 public:
  // shared: a client keeps the settings of the listener that it came in by.
  using Listener = std::shared_ptr<const config::ListenerConfig>;
  using OnClient = std::function<void(runtime::OwnedFd, const Listener&)>;

  FrontDoor(runtime::EventLoop& loop, OnClient on_client);
  ~FrontDoor();

  // Opens what is new, keeps what stays (with its new settings) and closes the rest. If one cannot
  // be opened, nothing changes. Clients that are in are not affected.
  runtime::Result<void> Open(const std::vector<config::ListenerConfig>& listeners, int backlog);
  // Lets in who has come by now and waits at a door.
  void AdmitWaiting();
  // Lets nobody in any more.
  void Close();
  // In the order of the settings.
  std::vector<runtime::SocketAddress> Addresses() const;

 private:
  struct Door;
  runtime::Result<std::unique_ptr<Door>> OpenDoor(const config::ListenerConfig& listener,
                                                  int backlog);

  runtime::EventLoop& loop_;
  OnClient on_client_;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace slotway::proxy
