// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/command_stats.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace slotway::storage {
namespace {

// Beyond this many codes somebody is making them up: count them together.
constexpr std::size_t kErrorCodesMax = 128;

}  // namespace

void ServerStats::CountError(std::string_view error) {
  ++error_replies;
  std::string_view code = error.substr(0, error.find(' '));
  auto found = errors_by_code.find(code);
  if (found != errors_by_code.end()) {
    ++found->second;
  } else if (errors_by_code.size() < kErrorCodesMax) {
    errors_by_code.emplace(code, 1);
  }
}

void ServerStats::Reset() {
  std::vector<CommandStats> kept = std::move(commands);
  std::fill(kept.begin(), kept.end(), CommandStats());
  *this = ServerStats();
  commands = std::move(kept);
}

void ServerStats::Rate::Sample(std::uint64_t count, double seconds) {
  std::uint64_t more = count >= last_count ? count - last_count : 0;
  if (seconds > 0) samples[next++ % samples.size()] = static_cast<double>(more) / seconds;
  last_count = count;
}

double ServerStats::Rate::PerSecond() const {
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

}  // namespace slotway::storage
