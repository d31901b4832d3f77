// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_admin.h"

#include <utility>

#include "storage/server/shard_metrics.h"

namespace slotway::storage {

runtime::Result<std::unique_ptr<ShardAdmin>> ShardAdmin::Start(runtime::EventLoop& loop,
                                                               ServerState& server,
                                                               WhyNotReady why_not_ready) {
  const config::ShardConfig& config = server.Config();
  if (config.admin_port == 0) return nullptr;
  auto address = runtime::SocketAddress::FromNumeric(config.admin_bind,
                                                     static_cast<std::uint16_t>(config.admin_port));
  if (!address) return runtime::Fail("admin-bind: " + address.error().text);
  auto admin = std::make_unique<ShardAdmin>();
  RegisterShardMetrics(server, admin->metrics_);
  runtime::HttpServer::Routes routes;
  routes["/healthz"] = [](const runtime::HttpRequest&) {
    return runtime::HttpResponse{.body = "ok\n"};
  };
  routes["/readyz"] = [why_not_ready = std::move(why_not_ready)](const runtime::HttpRequest&) {
    const std::string reason = why_not_ready();
    if (reason.empty()) return runtime::HttpResponse{.body = "ready\n"};
    return runtime::HttpResponse{.status = 503, .body = "not ready: " + reason + "\n"};
  };
  routes["/metrics"] = [metrics = &admin->metrics_](const runtime::HttpRequest&) {
    return runtime::HttpResponse{.content_type = runtime::MetricsRegistry::kContentType,
                                 .body = metrics->Render()};
  };
  auto http = runtime::HttpServer::Start(loop, *address, std::move(routes), {});
  if (!http) return runtime::Fail("admin-port: " + http.error().text);
  admin->http_ = std::move(*http);
  return admin;
}

}  // namespace slotway::storage
