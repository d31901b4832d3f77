// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/latency_report.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::uint64_t kRows = 5;

std::string Ago(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 86400) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

void AppendLine(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text.append(line).push_back('\n');
}

std::string OneDecimal(double number) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

}  // namespace

std::string LatencyGraph(std::string_view event, const LatencyMonitor::Series& series,
                         std::int64_t now_s) {
  const std::size_t count = std::min(series.samples.size(), kColumns);
  std::vector<LatencyMonitor::Sample> shown(
      series.samples.end() - static_cast<std::ptrdiff_t>(count), series.samples.end());
  const auto by_latency = [](const auto& a, const auto& b) { return a.latency_ms < b.latency_ms; };
  const auto [low, high] = std::minmax_element(shown.begin(), shown.end(), by_latency);
  std::string text(event);
  text.append(" - high ").append(std::to_string(high->latency_ms)).append(" ms, low ");
  text.append(std::to_string(low->latency_ms)).append(" ms (all time high ");
  text.append(std::to_string(series.latency_ms_max)).append(" ms)\n");
  text.append(kColumns, '-').push_back('\n');

  const std::uint64_t range = std::max<std::uint64_t>(high->latency_ms - low->latency_ms, 1);
  std::vector<std::string> labels;
  for (const auto& sample : shown)
    labels.push_back(Ago(std::max<std::int64_t>(now_s - sample.time_s, 0)));
  for (std::uint64_t row = kRows; row-- > 0;) {
    std::string line;
    for (const auto& sample : shown) {
      const std::uint64_t height = (sample.latency_ms - low->latency_ms) * (kRows - 1) / range;
      line.push_back(height == row ? '#' : height > row ? '|' : ' ');
    }
    AppendLine(text, std::move(line));
  }
  text.push_back('\n');
  for (std::size_t row = 0;; ++row) {
    std::string line;
    for (const std::string& label : labels) line.push_back(row < label.size() ? label[row] : ' ');
    if (line.find_last_not_of(' ') == std::string::npos) break;
    AppendLine(text, std::move(line));
  }
  return text;
}

std::string LatencyAdvice(const LatencyMonitor& monitor, std::int64_t threshold_ms,
                          std::int64_t now_s) {
  if (threshold_ms == 0 && monitor.Events().empty()) {
    return "Latency is not monitored: CONFIG SET latency-monitor-threshold <milliseconds> turns it "
           "on.\n";
  }
  if (monitor.Events().empty()) {
    return "Nothing has held this server up for " + std::to_string(threshold_ms) +
           " ms or longer.\n";
  }
  std::string text = "What held this server up:\n";
  for (const auto& [name, series] : monitor.Events()) {
    const LatencySummary summary = Summarize(series, now_s);
    text.append("\n").append(name).append(": ").append(std::to_string(series.samples.size()));
    text.append(" times, on average ").append(std::to_string(summary.mean_ms)).append(" ms (");
    text.append("give or take ").append(std::to_string(summary.mean_deviation_ms));
    text.append(" ms), at most ").append(std::to_string(summary.max_ms)).append(" ms, every ");
    text.append(OneDecimal(summary.seconds_between)).append(" seconds.\n");
    if (name == kCommandEvent) {
      text.append(
          "  SLOWLOG GET names the commands. What walks over large values or over all keys "
          "takes long: fewer elements per value, SCAN instead of KEYS.\n");
    } else if (name == kFastCommandEvent) {
      text.append(
          "  A command that should be fast was slow: very large values, a busy machine or "
          "memory that was swapped out.\n");
    } else {
      text.append("  Many keys were due, or large values were freed, at once.\n");
    }
  }
  return text;
}

}  // namespace slotway::storage
