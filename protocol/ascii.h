// SPDX-License-Identifier: Apache-2.0
// Comparing words of the protocol, which ignore case, and reading its numbers, which do not bend.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slotway::protocol {

constexpr char ToLowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr bool EqualsNoCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ToLowerAscii(a[i]) != ToLowerAscii(b[i])) return false;
  }
  return true;
}

// A signed decimal number as Redis reads arguments: no blanks, no '+', no leading zeros, no "-0".
inline std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace slotway::protocol
