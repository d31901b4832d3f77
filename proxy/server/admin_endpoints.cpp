// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/admin_endpoints.h"

#include <string>
#include <utility>

#include "proxy/server/cluster_metrics.h"
#include "proxy/server/proxy_metrics.h"
#include "proxy/server/proxy_server.h"

namespace slotway::proxy {

runtime::Result<std::unique_ptr<AdminEndpoints>> AdminEndpoints::Start(
    ProxyServer& server, const runtime::SocketAddress& address) {
  std::unique_ptr<AdminEndpoints> admin(new AdminEndpoints);
  RegisterProxyMetrics(server, admin->metrics_);
  RegisterClusterMetrics(server, admin->metrics_);
  runtime::HttpServer::Routes routes;
  routes["/healthz"] = [](const runtime::HttpRequest&) {
    return runtime::HttpResponse{.body = "ok\n"};
  };
  routes["/readyz"] = [&server](const runtime::HttpRequest&) {
    std::string reason;
    if (server.IsReady(reason)) return runtime::HttpResponse{.body = "ready\n"};
    return runtime::HttpResponse{.status = 503, .body = "not ready: " + reason + "\n"};
  };
  routes["/metrics"] = [metrics = &admin->metrics_](const runtime::HttpRequest&) {
    return runtime::HttpResponse{.content_type = runtime::MetricsRegistry::kContentType,
                                 .body = metrics->Render()};
  };
  if (server.Settings().admin.console) {
    admin->console_ = std::make_unique<Console>(server.SourcesOfConsole());
    admin->console_->AddRoutes(routes);
  }
  auto http = runtime::HttpServer::Start(server.MainLoop(), address, std::move(routes), {});
  if (!http) return runtime::Fail("admin port: " + http.error().text);
  admin->http_ = std::move(*http);
  return admin;
}

}  // namespace slotway::proxy
