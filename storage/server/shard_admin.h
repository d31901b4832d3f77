// SPDX-License-Identifier: Apache-2.0
// The shard's admin port: /metrics, /healthz, /readyz. Engine thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/event_loop.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/result.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class ShardAdmin {
 public:
  // Why clients cannot be served now; empty: they can.
  using WhyNotReady = std::function<std::string()>;
  // Where the settings say; nullptr if they say nowhere. `server` and the loop outlive this.
  static runtime::Result<std::unique_ptr<ShardAdmin>> Start(runtime::EventLoop& loop,
                                                            ServerState& server,
                                                            WhyNotReady why_not_ready);

 private:
  runtime::MetricsRegistry metrics_;
  std::unique_ptr<runtime::HttpServer> http_;
};

}  // namespace slotway::storage
