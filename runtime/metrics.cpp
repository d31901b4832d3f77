// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics.h"

#include <limits>
#include <mutex>
#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace slotway::runtime {
namespace {

using prometheus::ClientMetric;

void SetLabels(ClientMetric& metric, const MetricLabels& labels) {
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
}

void SetValue(ClientMetric& metric, MetricKind kind, double value) {
  (kind == MetricKind::kCounter ? metric.counter.value : metric.gauge.value) = value;
}

ClientMetric ToMetric(const HistogramSum& values, double unit_scale) {
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t bucket = 0; bucket <= Histogram::kBuckets; ++bucket) {
    count += values.CountOf(bucket);
    double bound = bucket < Histogram::kBuckets
                       ? static_cast<double>(Histogram::Bound(bucket)) * unit_scale
                       : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(values.Sum()) * unit_scale;
  return metric;
}

prometheus::MetricType TypeOf(MetricKind kind) {
  return kind == MetricKind::kCounter ? prometheus::MetricType::Counter
                                      : prometheus::MetricType::Gauge;
}

}  // namespace

class MetricsRegistry::Families final : public prometheus::Collectable {
 public:
  using Read = std::function<void(std::vector<ClientMetric>&)>;

  void Add(prometheus::MetricType type, const std::string& name, const std::string& help,
           Read read) {
    std::lock_guard lock(mutex_);
    for (Family& family : families_) {
      if (family.name == name) {
        family.reads.push_back(std::move(read));
        return;
      }
    }
    families_.push_back({type, name, help, {}});
    families_.back().reads.push_back(std::move(read));
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::lock_guard lock(mutex_);
    std::vector<prometheus::MetricFamily> collected;
    for (const Family& family : families_) {
      collected.push_back({family.name, family.help, family.type, {}});
      for (const Read& read : family.reads) read(collected.back().metric);
    }
    return collected;
  }

 private:
  struct Family {
    prometheus::MetricType type;
    std::string name, help;
    std::vector<Read> reads;
  };

  mutable std::mutex mutex_;  // guards families_
  std::vector<Family> families_;
};

MetricsRegistry::MetricsRegistry() : families_(std::make_unique<Families>()) {}

MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::Add(MetricKind kind, const std::string& name, const std::string& help,
                          const MetricLabels& labels, std::vector<const Counter*> parts) {
  Add(kind, name, help, labels, [parts = std::move(parts)] {
    std::uint64_t sum = 0;
    for (const Counter* part : parts) sum += part->Get();
    return static_cast<double>(sum);
  });
}

void MetricsRegistry::Add(MetricKind kind, const std::string& name, const std::string& help,
                          const MetricLabels& labels, std::function<double()> read) {
  families_->Add(TypeOf(kind), name, help,
                 [kind, labels, read = std::move(read)](std::vector<ClientMetric>& metrics) {
                   ClientMetric metric;
                   SetLabels(metric, labels);
                   SetValue(metric, kind, read());
                   metrics.push_back(std::move(metric));
                 });
}

void MetricsRegistry::AddHistogram(const std::string& name, const std::string& help,
                                   const MetricLabels& labels, std::vector<const Histogram*> parts,
                                   double unit_scale) {
  auto read = [labels, parts = std::move(parts)] {
    HistogramSum sum;
    for (const Histogram* part : parts) sum.Add(*part);
    return std::vector<HistogramSample>{{labels, sum}};
  };
  AddHistograms(name, help, std::move(read), unit_scale);
}

void MetricsRegistry::AddHistograms(const std::string& name, const std::string& help,
                                    std::function<std::vector<HistogramSample>()> read,
                                    double unit_scale) {
  families_->Add(prometheus::MetricType::Histogram, name, help,
                 [read = std::move(read), unit_scale](std::vector<ClientMetric>& metrics) {
                   for (const HistogramSample& sample : read()) {
                     metrics.push_back(ToMetric(sample.values, unit_scale));
                     SetLabels(metrics.back(), sample.labels);
                   }
                 });
}

void MetricsRegistry::AddSamples(MetricKind kind, const std::string& name, const std::string& help,
                                 std::function<std::vector<MetricSample>()> read) {
  families_->Add(TypeOf(kind), name, help,
                 [kind, read = std::move(read)](std::vector<ClientMetric>& metrics) {
                   for (const MetricSample& sample : read()) {
                     ClientMetric metric;
                     SetLabels(metric, sample.labels);
                     SetValue(metric, kind, sample.value);
                     metrics.push_back(std::move(metric));
                   }
                 });
}

std::string MetricsRegistry::Render() const {
  return prometheus::TextSerializer().Serialize(families_->Collect());
}

}  // namespace slotway::runtime
