// SPDX-License-Identifier: Apache-2.0
#include "protocol/quoted_text.h"

#include <cstddef>

namespace slotway::protocol {
namespace {

constexpr std::string_view kEscaped = "\"\\\n\r\t\a\b";
constexpr std::string_view kLetters = "\"\\nrtab";
constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

void AppendQuoted(std::string_view bytes, std::string& out) {
  out += '"';
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    if (std::size_t letter = kEscaped.find(c); letter != std::string_view::npos) {
      out += '\\';
      out += kLetters[letter];
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
  }
  out += '"';
}

}  // namespace slotway::protocol
