// SPDX-License-Identifier: Apache-2.0
// A line of JSON for some of the requests: each n-th, and what was slow.
//
// Keys and values are not in it. Any thread.
#pragma once

#include "config/proxy_config.h"
#include "proxy/meters/exchange.h"
#include "runtime/json_log.h"
#include "runtime/result.h"

namespace slotway::proxy {

class AccessLog {
 public:
  // The settings' file from now on. An error means that nothing has changed.
  runtime::Result<void> Open(const config::AccessLogConfig& settings);
  void Write(const Exchange& exchange, bool is_slow);

 private:
  runtime::JsonLog log_;
};

}  // namespace slotway::proxy
