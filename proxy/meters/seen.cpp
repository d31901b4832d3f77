// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/seen.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kUsPerMs = 1000;
constexpr std::int64_t kUsPerSecond = 1'000'000;

// The first `count` by `goes_before`.
template <class T, class Order>
void KeepFirst(std::vector<T>& all, std::size_t count, Order goes_before) {
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    goes_before);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
}

}  // namespace

std::vector<SlowRequest> NewestSlowRequests(const WorkerMeters& meters, std::size_t count) {
  std::vector<SlowRequest> all;
  for (const auto& meter : meters) {
    for (SlowRequest& request : meter->slow.Newest(count)) all.push_back(std::move(request));
  }
  std::stable_sort(all.begin(), all.end(), [](const SlowRequest& a, const SlowRequest& b) {
    return a.time_us > b.time_us;
  });
  if (all.size() > count) all.resize(count);
  return all;
}

std::vector<HotKeyShare> HottestKeys(const WorkerMeters& meters, std::size_t count) {
  std::map<std::string, HotKeyShare> by_key;
  double samples = 0;
  for (const auto& meter : meters) {
    HotKeys::Report report = meter->hot_keys.Read(runtime::MonotonicUs() / kUsPerMs);
    samples += report.samples;
    const double seconds = std::max(report.seconds, 1.0);
    const auto each = static_cast<double>(meter->DrawnEach());
    for (HotKey& hot : report.keys) {
      HotKeyShare& share = by_key[hot.key];
      share.share += hot.samples;
      share.error += hot.error;
      share.requests_per_second += hot.samples * each / seconds;
      share.key = std::move(hot.key);
    }
  }
  std::vector<HotKeyShare> all;
  for (auto& [key, share] : by_key) {
    share.share /= std::max(samples, 1.0);
    share.error /= std::max(samples, 1.0);
    all.push_back(std::move(share));
  }
  // What may be due to error alone has taken over a counter a moment ago.
  KeepFirst(all, count, [](const HotKeyShare& a, const HotKeyShare& b) {
    return a.share - a.error > b.share - b.error;
  });
  return all;
}

std::vector<BigKey> BiggestKeys(const WorkerMeters& meters, std::size_t count) {
  std::map<std::string, BigKey> by_key;
  for (const auto& meter : meters) {
    for (BigKey& key : meter->big_keys.Read(runtime::UnixUs() / kUsPerSecond)) {
      BigKey& known = by_key[key.key];
      if (known.bytes < key.bytes) known = std::move(key);
    }
  }
  std::vector<BigKey> all;
  for (auto& [name, key] : by_key) all.push_back(std::move(key));
  KeepFirst(all, count, [](const BigKey& a, const BigKey& b) { return a.bytes > b.bytes; });
  return all;
}

std::map<std::string, runtime::HistogramSum> LatenciesOfFamilies(const WorkerMeters& meters) {
  std::map<std::string, runtime::HistogramSum> sums;
  for (std::size_t family = 0; family < protocol::FamilyNames().size(); ++family) {
    runtime::HistogramSum sum;
    for (const auto& meter : meters) sum.Add(meter->latency_us[family]);
    if (sum.Count() > 0) sums.emplace(protocol::FamilyNames()[family], sum);
  }
  return sums;
}

std::map<std::string, runtime::HistogramSum> LatenciesOfNodes(const WorkerMeters& meters) {
  std::map<std::string, runtime::HistogramSum> sums;
  for (const auto& meter : meters) {
    for (const auto& node : meter->nodes.All()) sums[node->address].Add(node->latency_us);
  }
  return sums;
}

std::map<std::string, std::uint64_t> CountsOfNodes(const WorkerMeters& meters,
                                                   runtime::Counter NodeMeter::*which) {
  std::map<std::string, std::uint64_t> sums;
  for (const auto& meter : meters) {
    for (const auto& node : meter->nodes.All()) sums[node->address] += ((*node).*which).Get();
  }
  return sums;
}

void ForgetSlowRequests(const WorkerMeters& meters) {
  for (const auto& meter : meters) meter->slow.Clear();
}

void ForgetKeys(const WorkerMeters& meters) {
  for (const auto& meter : meters) {
    meter->hot_keys.Clear();
    meter->big_keys.Clear();
  }
}

}  // namespace slotway::proxy
