// SPDX-License-Identifier: Apache-2.0
// What the latency monitor has seen, for people: LATENCY GRAPH and DOCTOR. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/commands/latency_monitor.h"

namespace slotway::storage {

// A column for each of the last 80 samples, the newest on the right; below each, read downwards,
// how long ago it was ("15s", "3m", "2h", "4d").
std::string LatencyGraph(std::string_view event, const LatencyMonitor::Series& series,
                         std::int64_t now_s);

std::string LatencyAdvice(const LatencyMonitor& monitor, std::int64_t threshold_ms,
                          std::int64_t now_s);

}  // namespace slotway::storage
