// SPDX-License-Identifier: Apache-2.0
// The text of INFO while it grows: "# Section", then "name:value" lines, all ended by CRLF.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::storage {

class InfoText {
 public:
  void Section(std::string_view name) {
    // wire: INFO is text whose lines end so.
    if (!text_.empty()) text_ += "\r\n";
    // wire: INFO is text whose lines end so.
    text_.append("# ").append(name).append("\r\n");
  }
  void Field(std::string_view name, std::string_view value) {
    // wire: INFO is text whose lines end so.
    text_.append(name).append(":").append(value).append("\r\n");
  }
  template <std::integral Number>
  void Field(std::string_view name, Number value) {
    Field(name, std::string_view(std::to_string(value)));
  }
  // "name:1234567" and "name_human:1.18M".
  void FieldWithHuman(std::string_view name, std::size_t bytes);
  void Decimal(std::string_view name, double value);  // two digits behind the point
  void Percent(std::string_view name, std::size_t part, std::size_t whole);

  const std::string& Text() const { return text_; }

 private:
  std::string text_;
};

// "512B", "1.18M".
std::string HumanBytes(std::size_t bytes);

}  // namespace slotway::storage
