// SPDX-License-Identifier: Apache-2.0
#include "config/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace slotway::config {
namespace {

char Plain(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (Plain(a[i - 1]) == Plain(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view wrong, std::span<const std::string_view> known) {
  std::string_view nearest;
  size_t fewest = std::max<size_t>(1, wrong.size() / 3) + 1;
  for (std::string_view name : known) {
    size_t longer = std::max(name.size(), wrong.size());
    size_t shorter = std::min(name.size(), wrong.size());
    if (longer - shorter >= fewest) continue;
    size_t edits = Edits(wrong, name);
    if (edits < fewest) {
      fewest = edits;
      nearest = name;
    }
  }
  return nearest;
}

std::string Suggestion(std::string_view wrong, std::span<const std::string_view> known) {
  std::string_view nearest = NearestName(wrong, known);
  return nearest.empty() ? "" : " (did you mean '" + std::string(nearest) + "'?)";
}

}  // namespace slotway::config
