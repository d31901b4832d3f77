// SPDX-License-Identifier: Apache-2.0
// What one worker counts of each node that it has connections to.
//
// A NodeMeter is written by its worker alone and read by any thread. A node's meter lives as long as
// the worker knows the node: series of nodes that have left end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/counter.h"
#include "runtime/histogram.h"

namespace slotway::proxy {

struct NodeMeter {
  explicit NodeMeter(std::string node_address) : address(std::move(node_address)) {}

  const std::string address;       // "127.0.0.1:7000"
  runtime::Histogram latency_us;   // from the reading of a request to the node's answer
  runtime::Counter sent_bytes;
  runtime::Counter received_bytes;
  runtime::Counter error_replies;  // redirects included
  runtime::Counter connections;    // open now
  runtime::Counter in_flight;      // requests it owes an answer to, now and then looked at
  runtime::Counter unsent_bytes;   // that wait for it, now and then looked at
};

class NodeMeters {
 public:
  // The meter of that node, made if there is none. Owner thread.
  // shared: by the node's place in its pool, its connections, and whoever reads it.
  std::shared_ptr<NodeMeter> Of(const std::string& address) {
    const std::lock_guard lock(mutex_);
    std::erase_if(meters_, [](const auto& entry) { return entry.second.expired(); });
    auto& known = meters_[address];
    auto meter = known.lock();
    if (meter == nullptr) known = meter = std::make_shared<NodeMeter>(address);
    return meter;
  }
  // shared: as above. Any thread.
  std::vector<std::shared_ptr<const NodeMeter>> All() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const NodeMeter>> all;  // shared: as above
    for (const auto& [address, known] : meters_) {
      if (auto meter = known.lock()) all.push_back(std::move(meter));
    }
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<NodeMeter>> meters_;  // guarded by mutex_
};

}  // namespace slotway::proxy
