// SPDX-License-Identifier: Apache-2.0
// Which of the proxy's counts Prometheus sees, and under which names.
#pragma once

#include "runtime/metrics.h"

namespace slotway::proxy {

class ProxyServer;

// `server` and its workers outlive the registry.
void RegisterProxyMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry);

}  // namespace slotway::proxy
