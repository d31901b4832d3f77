// SPDX-License-Identifier: Apache-2.0
// The part of the metrics that is about single requests and nodes: what workers' meters hold.
#pragma once

#include "runtime/metrics.h"

namespace slotway::proxy {

class ProxyServer;

// `server` and its workers outlive the registry.
void AddRequestMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry);

}  // namespace slotway::proxy
