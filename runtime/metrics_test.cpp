// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics.h"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

namespace slotway::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

struct alignas(kCacheLineBytes) WorkerNumbers {
  Counter requests, clients;
  Histogram latency_us;
};

TEST(Histogram, BucketsEndAtPowersOfTwo) {
  struct Case {
    std::uint64_t value;
    std::size_t bucket;
  } cases[] = {{0, 0},
               {1, 0},
               {2, 1},
               {3, 2},
               {4, 2},
               {5, 3},
               {1024, 10},
               {1025, 11},
               {Histogram::Bound(27), 27},
               {Histogram::Bound(27) + 1, 28},
               {UINT64_MAX, 28}};
  for (const Case& c : cases) {
    EXPECT_EQ(Histogram::BucketOf(c.value), c.bucket) << c.value;
    if (c.bucket < Histogram::kBuckets) {
      EXPECT_LE(c.value, Histogram::Bound(c.bucket));
    }
  }
}

TEST(Histogram, SumsTellWhatPartOfTheValuesIsBelow) {
  Histogram first, second;
  EXPECT_EQ(HistogramSum().Quantile(0.5), 0);
  first.Record(3, 90);  // in (2, 4]
  second.Record(1000, 10);  // in (512, 1024]
  HistogramSum sum;
  sum.Add(first);
  sum.Add(second);
  EXPECT_EQ(sum.Count(), 100u);
  EXPECT_EQ(sum.Sum(), 90 * 3 + 10 * 1000u);
  EXPECT_EQ(sum.Quantile(0.45), 3);
  EXPECT_EQ(sum.Quantile(0.9), 4);
  EXPECT_EQ(sum.Quantile(0.95), 768);
  EXPECT_EQ(sum.Quantile(1), 1024);
}

TEST(Metrics, HistogramsComeAndGo) {
  std::vector<HistogramSample> samples;
  MetricsRegistry registry;
  registry.AddHistograms("slotway_x_seconds", "X.", [&] { return samples; }, 1);
  EXPECT_THAT(registry.Render(), Not(HasSubstr("_bucket")));
  Histogram histogram;
  histogram.Record(5);
  samples.push_back({{{"node", "a"}}, {}});
  samples[0].values.Add(histogram);
  EXPECT_THAT(registry.Render(), HasSubstr("slotway_x_seconds_bucket{node=\"a\",le=\"8\"} 1\n"));
  EXPECT_THAT(registry.Render(), HasSubstr("slotway_x_seconds_sum{node=\"a\"} 5\n"));
}

TEST(Metrics, WorkersAreSummed) {
  std::array<WorkerNumbers, 3> workers;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers[i].requests.Add(10 * (i + 1));
    workers[i].clients.Add(5);
    workers[i].clients.Subtract(i);
    workers[i].latency_us.Record(1000 * (i + 1));
  }
  MetricsRegistry registry;
  std::vector<const Counter*> requests, clients;
  std::vector<const Histogram*> latencies;
  for (WorkerNumbers& worker : workers) {
    requests.push_back(&worker.requests);
    clients.push_back(&worker.clients);
    latencies.push_back(&worker.latency_us);
  }
  registry.Add(MetricKind::kCounter, "slotway_requests_total", "Requests.", {{"side", "client"}},
               requests);
  registry.Add(MetricKind::kGauge, "slotway_clients", "Clients now.", {}, clients);
  registry.Add(MetricKind::kCounter, "slotway_requests_total", "ignored", {{"side", "backend"}},
               [] { return 7.0; });
  registry.AddHistogram("slotway_latency_seconds", "Latency.", {}, latencies, 1e-6);
  registry.AddSamples(MetricKind::kGauge, "slotway_nodes", "Nodes.", [] {
    return std::vector<MetricSample>{{{{"node", "a\"b"}}, 1}, {{{"node", "c"}}, 0}};
  });

  std::string text = registry.Render();
  EXPECT_THAT(text, HasSubstr("# HELP slotway_requests_total Requests.\n"
                              "# TYPE slotway_requests_total counter\n"
                              "slotway_requests_total{side=\"client\"} 60\n"
                              "slotway_requests_total{side=\"backend\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE slotway_clients gauge\nslotway_clients 12\n"));
  EXPECT_THAT(text, HasSubstr("slotway_latency_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("slotway_latency_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("slotway_nodes{node=\"a\\\"b\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("slotway_nodes{node=\"c\"} 0\n"));
  // 1000 us end up in the bucket up to 1024 us, all three below 4096 us.
  EXPECT_THAT(text, testing::ContainsRegex("bucket\\{le=\"0.0010[0-9]*\"\\} 1\n"));
  EXPECT_THAT(text, testing::ContainsRegex("bucket\\{le=\"0.0040[0-9]*\"\\} 3\n"));
}

TEST(Metrics, RenderingWhileCounting) {
  WorkerNumbers numbers;
  MetricsRegistry registry;
  registry.Add(MetricKind::kCounter, "n", "N.", {}, {&numbers.requests});
  registry.AddHistogram("h", "H.", {}, {&numbers.latency_us}, 1);
  constexpr int kCounts = 20000;
  std::thread worker([&] {
    for (int i = 0; i < kCounts; ++i) {
      numbers.requests.Add();
      numbers.latency_us.Record(static_cast<std::uint64_t>(i));
    }
  });
  for (int i = 0; i < 50; ++i) EXPECT_THAT(registry.Render(), HasSubstr("# TYPE n counter"));
  worker.join();
  EXPECT_THAT(registry.Render(), HasSubstr("\nn 20000\n"));
}

}  // namespace
}  // namespace slotway::runtime
