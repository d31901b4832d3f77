// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/info_text.h"

#include <cstdio>

namespace slotway::storage {

std::string HumanBytes(std::size_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + "B";
  constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P'};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < sizeof kUnits) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%c", value, kUnits[unit]);
  return text;
}

void InfoText::FieldWithHuman(std::string_view name, std::size_t bytes) {
  Field(name, bytes);
  std::string human(name);
  Field(human + "_human", HumanBytes(bytes));
}

void InfoText::Decimal(std::string_view name, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  Field(name, text);
}

void InfoText::Percent(std::string_view name, std::size_t part, std::size_t whole) {
  double share = whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f%%", share);
  Field(name, text);
}

}  // namespace slotway::storage
