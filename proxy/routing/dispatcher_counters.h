// SPDX-License-Identifier: Apache-2.0
// What a dispatcher counts; read by the metrics at scrape time.
#pragma once

#include "runtime/counter.h"

namespace slotway::proxy {

struct DispatcherCounters {
  runtime::Counter moved;
  runtime::Counter asked;
  runtime::Counter retried;  // TRYAGAIN, CLUSTERDOWN, LOADING, ...
  runtime::Counter held;
  runtime::Counter hold_expired;
  runtime::Counter hold_refused;  // no room
  runtime::Counter lost;          // sent writes whose outcome is unknown
  runtime::Counter replica_reads;
  runtime::Counter backend_connects;
  runtime::Counter backend_failures;
  runtime::Counter blocked_now;      // calls that wait at shards for something to happen
  runtime::Counter held_now;         // requests held back at this moment
  runtime::Counter private_now;      // connections that one client has for itself at this moment
  runtime::Counter unready_masters;  // masters without an open connection
};

}  // namespace slotway::proxy
