// SPDX-License-Identifier: Apache-2.0
// What /metrics tells Prometheus: sums over the workers' own counters, taken when asked.
//
// Workers count in plain Counters and Histograms of their own (counter.h, histogram.h; keep each
// worker's in one object, alignas(kCacheLineBytes)) and know nothing of this registry. Register
// and Render from any thread; what is registered must outlive the registry, and functions given
// are called on the thread that renders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/counter.h"
#include "runtime/histogram.h"

namespace slotway::runtime {

inline constexpr std::size_t kCacheLineBytes = 64;

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind : std::uint8_t { kCounter, kGauge };

struct MetricSample {
  MetricLabels labels;
  double value = 0;
};
struct HistogramSample {
  MetricLabels labels;
  HistogramSum values;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // The same name may be added again with other labels; kind and help are those of the first.
  // The sum of all parts.
  void Add(MetricKind kind, const std::string& name, const std::string& help,
           const MetricLabels& labels, std::vector<const Counter*> parts);
  void Add(MetricKind kind, const std::string& name, const std::string& help,
           const MetricLabels& labels, std::function<double()> read);
  // `unit_scale` turns recorded units into the name's: 1e-6 for microseconds in `_seconds`.
  void AddHistogram(const std::string& name, const std::string& help, const MetricLabels& labels,
                    std::vector<const Histogram*> parts, double unit_scale);
  // The same for those that come and go.
  void AddHistograms(const std::string& name, const std::string& help,
                     std::function<std::vector<HistogramSample>()> read, double unit_scale);
  // Samples that come and go, such as one per known backend node.
  void AddSamples(MetricKind kind, const std::string& name, const std::string& help,
                  std::function<std::vector<MetricSample>()> read);

  // The text exposition format, families in the order of their first Add.
  std::string Render() const;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  class Families;
  std::unique_ptr<Families> families_;
};

}  // namespace slotway::runtime
