// SPDX-License-Identifier: Apache-2.0
// The admin port: /metrics, /healthz, /readyz, and the console. Belongs to the main loop's thread.
#pragma once

#include <memory>

#include "proxy/console/console.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/result.h"

namespace slotway::proxy {

class ProxyServer;

class AdminEndpoints {
 public:
  // Serves at `address`; `server` outlives this. Its workers must exist.
  static runtime::Result<std::unique_ptr<AdminEndpoints>> Start(
      ProxyServer& server, const runtime::SocketAddress& address);

  runtime::SocketAddress Address() const { return http_->Address(); }

 private:
  AdminEndpoints() = default;

  runtime::MetricsRegistry metrics_;
  std::unique_ptr<Console> console_;  // nullptr if it is off
  std::unique_ptr<runtime::HttpServer> http_;
};

}  // namespace slotway::proxy
