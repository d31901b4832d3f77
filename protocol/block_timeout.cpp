// SPDX-License-Identifier: Apache-2.0
#include "protocol/block_timeout.h"

#include <charconv>
#include <cmath>

#include "protocol/ascii.h"

namespace slotway::protocol {
namespace {

using Args = std::span<const std::string_view>;

// The argument behind BLOCK among the options of XREAD and XREADGROUP.
std::optional<std::size_t> FindBlockOption(Args args) {
  std::size_t i = 1;
  while (i < args.size() && !EqualsNoCase(args[i], "streams")) {
    if (EqualsNoCase(args[i], "block")) {
      return i + 1 < args.size() ? std::optional(i + 1) : std::nullopt;
    }
    // GROUP takes two words, COUNT one, NOACK none.
    bool is_group = EqualsNoCase(args[i], "group");
    i += is_group ? 3 : EqualsNoCase(args[i], "count") ? 2 : 1;
  }
  return std::nullopt;
}

std::optional<std::size_t> FindPlace(TimeoutPlace place, Args args) {
  switch (place) {
    case TimeoutPlace::kNone:
      return std::nullopt;
    case TimeoutPlace::kFirstSeconds:
      return 1;
    case TimeoutPlace::kLastSeconds:
    case TimeoutPlace::kLastMs:
      return args.size() - 1;
    case TimeoutPlace::kBlockOptionMs:
      return FindBlockOption(args);
  }
  return std::nullopt;
}

bool IsInSeconds(TimeoutPlace place) {
  return place == TimeoutPlace::kFirstSeconds || place == TimeoutPlace::kLastSeconds;
}

// Rounded up, as Redis does: a tenth of a millisecond is not for ever.
std::optional<std::uint64_t> ReadSeconds(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  bool is_number = error == std::errc() && end == text.data() + text.size();
  constexpr double kSecondsMax = 9e15;  // as milliseconds it still fits
  if (!is_number || !(seconds >= 0) || seconds > kSecondsMax) return std::nullopt;
  return static_cast<std::uint64_t>(std::ceil(seconds * 1000));
}

}  // namespace

std::optional<BlockTimeout> FindBlockTimeout(const CommandSpec& spec, Args args) {
  if (args.size() < 2) return std::nullopt;
  auto index = FindPlace(spec.timeout, args);
  if (!index) return std::nullopt;
  BlockTimeout found;
  found.index = *index;
  if (IsInSeconds(spec.timeout)) {
    auto ms = ReadSeconds(args[*index]);
    found.is_valid = ms.has_value();
    found.ms = ms.value_or(0);
  } else {
    auto ms = ParseInteger(args[*index]);
    found.is_valid = ms.has_value() && *ms >= 0;
    if (found.is_valid) found.ms = static_cast<std::uint64_t>(*ms);
  }
  return found;
}

std::string FormatBlockTimeout(TimeoutPlace place, std::uint64_t ms) {
  if (!IsInSeconds(place)) return std::to_string(ms);
  std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

}  // namespace slotway::protocol
