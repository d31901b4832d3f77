// SPDX-License-Identifier: Apache-2.0
// `slotway local`: a cluster of shard processes on this machine with the proxy in front of it.
//
// Starts the shards, waits until they serve, starts the proxy in this process, tells how to
// connect, keeps the shards running, and stops everything on SIGINT, SIGTERM or SIGHUP. Shards die
// with this process, however it ends. To be called from the main thread.
#pragma once

#include <functional>

#include "config/proxy_config.h"
#include "proxy/tools/local_options.h"
#include "runtime/result.h"

namespace slotway::proxy {

// Stops the proxy and returns when it has stopped.
using StopProxy = std::function<void()>;
// Starts the proxy on threads of its own and returns once it listens. This is how main hands in
// the proxy server, which this library does not know.
using ProxyRunner = std::function<runtime::Result<StopProxy>(const config::ProxyConfig&)>;

// Runs until it is told to stop; the process's exit code: 0 after a stop that was asked for, 1
// when something could not be started (said on standard error).
int RunLocalCluster(const LocalClusterOptions& options, ProxyRunner run_proxy);

}  // namespace slotway::proxy
