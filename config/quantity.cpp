// SPDX-License-Identifier: Apache-2.0
#include "config/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace slotway::config {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();

struct NumberAndSuffix {
  uint64_t number;
  std::string suffix;  // lower case
};

std::optional<NumberAndSuffix> Split(std::string_view text) {
  size_t digits = 0;
  uint64_t number = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    uint64_t digit = static_cast<uint64_t>(text[digits] - '0');
    number = number > (kLargest - digit) / 10 ? kLargest : number * 10 + digit;
    ++digits;
  }
  if (digits == 0 && !text.empty()) return std::nullopt;
  std::string suffix;
  for (char c : text.substr(digits)) {
    suffix += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return NumberAndSuffix{number, std::move(suffix)};
}

template <size_t N>
std::optional<uint64_t> Multiply(
    const NumberAndSuffix& parts,
    const std::array<std::pair<std::string_view, uint64_t>, N>& units) {
  for (const auto& [suffix, factor] : units) {
    if (suffix == parts.suffix) {
      return parts.number > kLargest / factor ? kLargest : parts.number * factor;
    }
  }
  return std::nullopt;
}

constexpr uint64_t kKb = 1024, kMb = kKb * 1024, kGb = kMb * 1024;
constexpr std::array<std::pair<std::string_view, uint64_t>, 14> kSizes = {{{"", 1},
                                                                           {"b", 1},
                                                                           {"k", 1000},
                                                                           {"kb", kKb},
                                                                           {"m", 1000000},
                                                                           {"mb", kMb},
                                                                           {"g", 1000000000},
                                                                           {"gb", kGb},
                                                                           {"ki", kKb},
                                                                           {"mi", kMb},
                                                                           {"gi", kGb},
                                                                           {"kib", kKb},
                                                                           {"mib", kMb},
                                                                           {"gib", kGb}}};
constexpr uint64_t kSecondUs = 1000000;
constexpr std::array<std::pair<std::string_view, uint64_t>, 6> kDurations = {
    {{"us", 1},
     {"ms", 1000},
     {"s", kSecondUs},
     {"m", 60 * kSecondUs},
     {"h", 3600 * kSecondUs},
     {"d", 86400 * kSecondUs}}};

}  // namespace

std::optional<int64_t> ParseInteger(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && digits.front() == '-') digits.remove_prefix(1);
  if (digits.empty() || (digits.front() == '0' && text.size() > 1)) return std::nullopt;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  auto parts = Split(text);
  if (!parts) return std::nullopt;
  return Multiply(*parts, kSizes);
}

std::optional<uint64_t> ParseDurationUs(std::string_view text, uint64_t default_unit_us) {
  auto parts = Split(text);
  if (!parts || text.empty()) return std::nullopt;
  if (parts->suffix.empty()) {
    return parts->number > kLargest / default_unit_us ? kLargest : parts->number * default_unit_us;
  }
  return Multiply(*parts, kDurations);
}

}  // namespace slotway::config
