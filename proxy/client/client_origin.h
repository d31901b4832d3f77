// SPDX-License-Identifier: Apache-2.0
// Where a client came in, and between which addresses. Moved into its session; immutable there.
#pragma once

#include <memory>
#include <string>

#include "config/proxy_config.h"
#include "runtime/socket_address.h"

namespace slotway::proxy {

// What a load balancer says of its client: the PROXY protocol's source and destination.
struct ForwardedEnds {
  runtime::SocketAddress client;
  runtime::SocketAddress reached;
};

struct ClientOrigin {
  // shared: clients stay as they came in when a reload replaces their listener's settings.
  std::shared_ptr<const config::ListenerConfig> listener;
  std::unique_ptr<const ForwardedEnds> forwarded = nullptr;  // without: the socket's own ends count
  std::string counted_host = {};  // for limits.clients_per_address_max; empty: not counted
};

}  // namespace slotway::proxy
