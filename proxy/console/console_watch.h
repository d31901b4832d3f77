// SPDX-License-Identifier: Apache-2.0
// What the console knows beyond the moment: rates of the last minutes, always, and how the nodes are,
// while somebody looks. Belongs to the main loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "proxy/console/console_sources.h"
#include "proxy/console/node_vitals.h"

namespace slotway::proxy {

// One second.
struct ConsoleSample {
  std::uint64_t number = 0;  // 1, 2, ...
  std::int64_t at_ms = 0;    // Unix time
  double requests = 0;       // per second, as the following
  double errors = 0;
  double redirects = 0;
  double bytes_in = 0;
  double bytes_out = 0;
  std::uint64_t clients = 0;
  std::uint64_t held = 0;
  double p50_us = 0;  // 0: no requests
  double p99_us = 0;
};

// The value below which `share` of what was counted lies, of counts by powers of two.
double QuantileOf(const std::vector<std::uint64_t>& counts, double share);

class ConsoleWatch {
 public:
  static constexpr std::size_t kSamplesMax = 300;
  static constexpr std::uint64_t kSampleMs = 1000;
  static constexpr std::uint64_t kLooksForMs = 5000;  // after a request
  static constexpr std::size_t kNodesMax = 256;       // that are asked

  explicit ConsoleWatch(const ConsoleSources& sources);

  // Somebody looks: nodes are asked, at once if nobody did before.
  void NoteLooker();
  const std::deque<ConsoleSample>& Samples() const { return samples_; }
  const ConsoleCounts& Counts() const { return last_; }
  // nullptr if it is not asked; by "host:port".
  const NodeVitals* Find(const std::string& address) const;

 private:
  void Sample();
  void AskNodes();

  const ConsoleSources& sources_;
  runtime::Timer timer_;
  std::deque<ConsoleSample> samples_;
  ConsoleCounts last_;
  std::uint64_t last_at_ms_;
  std::uint64_t number_ = 0;
  std::uint64_t looked_at_ms_ = 0;  // 0: never
  bool is_watched_ = false;
  std::map<std::string, std::unique_ptr<NodeVitals>> nodes_;  // by address
};

}  // namespace slotway::proxy
