// SPDX-License-Identifier: Apache-2.0
// What the proxy tells Prometheus of the cluster behind it, of its limits and of its certificates.
#pragma once

#include "runtime/metrics.h"

namespace slotway::proxy {

class ProxyServer;

// `server` outlives the registry, which is rendered on the main loop's thread.
void RegisterClusterMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry);

}  // namespace slotway::proxy
