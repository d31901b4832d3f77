// SPDX-License-Identifier: Apache-2.0
#include "runtime/json_text.h"

#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>

namespace slotway::runtime {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

std::uint8_t At(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

// How many bytes the character at the front takes; 0 if it is none. Source: RFC 3629, section 4.
std::size_t CharacterBytes(std::string_view text) {
  const std::uint8_t first = At(text, 0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((At(text, i) & 0xc0) != 0x80) return 0;
  }
  const std::uint8_t second = At(text, 1);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_surrogate = first == 0xed && second >= 0xa0;
  const bool is_beyond = first == 0xf4 && second >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : bytes;
}

}  // namespace

void AppendJson(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    const char c = text.front();
    if (bytes == 0) {
      out += kReplacement;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (At(text, 0) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(At(text, 0)));
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  out += '"';
}

}  // namespace slotway::runtime
