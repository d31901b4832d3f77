// SPDX-License-Identifier: Apache-2.0
// What all workers have seen, joined. Any thread, while the workers exist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/meters/worker_meter.h"
#include "runtime/counter.h"
#include "runtime/histogram.h"

namespace slotway::proxy {

// The newest first.
std::vector<SlowRequest> NewestSlowRequests(const WorkerMeters& meters, std::size_t count);

struct HotKeyShare {
  std::string key;  // its beginning, see HotKeys
  double share = 0;                // of all requests that have keys, in the last minutes
  double requests_per_second = 0;  // estimated from samples
  double error = 0;                // by how much the share may be too high
};
// The hottest first. None while hot_keys.sample is 0.
std::vector<HotKeyShare> HottestKeys(const WorkerMeters& meters, std::size_t count);

// The largest first.
std::vector<BigKey> BiggestKeys(const WorkerMeters& meters, std::size_t count);

// In microseconds, from the reading of a request to the answer of a shard. By family of commands
// ("string"), those that have been asked for; by node ("127.0.0.1:7000"), those there are.
std::map<std::string, runtime::HistogramSum> LatenciesOfFamilies(const WorkerMeters& meters);
std::map<std::string, runtime::HistogramSum> LatenciesOfNodes(const WorkerMeters& meters);

// One count of each node.
std::map<std::string, std::uint64_t> CountsOfNodes(const WorkerMeters& meters,
                                                   runtime::Counter NodeMeter::*which);

// Forgets what single requests have left.
void ForgetSlowRequests(const WorkerMeters& meters);
void ForgetKeys(const WorkerMeters& meters);

}  // namespace slotway::proxy
