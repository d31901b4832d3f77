// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/number_text.h"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace slotway::storage {
namespace {

constexpr std::size_t kFloatTextMax = 5 * 1024;

template <class Number>
std::optional<Number> ParseCanonical(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::size_t first_digit = text[0] == '-' ? 1 : 0;
  if (first_digit == text.size()) return std::nullopt;
  if (text[first_digit] == '0' && text.size() > 1) return std::nullopt;
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `convert` is strtod or strtold.
template <class Float, class Convert>
std::optional<Float> ParseFloat(std::string_view text, Float huge, Convert convert) {
  if (text.empty() || text.size() >= kFloatTextMax) return std::nullopt;
  if (std::isspace(static_cast<unsigned char>(text[0])) != 0) return std::nullopt;
  char copy[kFloatTextMax];
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  Float value = convert(copy, &end);
  if (static_cast<std::size_t>(end - copy) != text.size()) return std::nullopt;
  if (errno == ERANGE && (value == huge || value == -huge || value == 0)) return std::nullopt;
  if (errno == EINVAL || std::isnan(value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  return ParseCanonical<std::int64_t>(text);
}

std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
  return ParseCanonical<std::uint64_t>(text);
}

std::optional<double> ParseDouble(std::string_view text) {
  return ParseFloat<double>(text, HUGE_VAL, [](const char* s, char** e) { return strtod(s, e); });
}

std::optional<long double> ParseLongDouble(std::string_view text) {
  return ParseFloat<long double>(text, HUGE_VALL,
                                 [](const char* s, char** e) { return strtold(s, e); });
}

std::string FormatLongDouble(long double value) {
  char text[kFloatTextMax];
  int length = std::snprintf(text, sizeof text, "%.17Lf", value);
  std::string_view digits(text, static_cast<std::size_t>(length));
  if (digits.find('.') != std::string_view::npos) {
    digits = digits.substr(0, digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.remove_suffix(1);
  }
  return std::string(digits == "-0" ? "0" : digits);
}

std::optional<std::int64_t> AddChecked(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace slotway::storage
