// SPDX-License-Identifier: Apache-2.0
// How a dispatcher is set up whose connections serve one client only, because the shards remember
// the client by them.
#pragma once

#include <string_view>

#include "proxy/backend/backend_connection.h"
#include "proxy/reply/lane.h"
#include "runtime/counter.h"

namespace slotway::proxy {

struct OwnConnections {
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void OnPush(std::string_view push) = 0;
    virtual void OnConnectionReady() = 0;
    // What the shard remembered of the client is forgotten.
    virtual void OnConnectionLost() = 0;
    virtual void OnOwnersChanged() = 0;
  };

  Watcher& watcher;
  BackendGreeting greeting;
  Lane lane;
  runtime::Counter& blocked_now;  // counts its calls that wait at shards, with those of others
  bool connects_to_all = false;   // to every master, before anything is asked
};

}  // namespace slotway::proxy
