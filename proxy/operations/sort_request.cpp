// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/sort_request.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "protocol/ascii.h"
#include "protocol/error_text.h"

namespace slotway::proxy {
namespace {

// As strtod() reads it, to the end; nothing if that is no number.
std::optional<double> ReadWeight(const std::string& text) {
  errno = 0;
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(value)) return std::nullopt;
  return value;
}

// Below 0, 0 or above, as with std::string::compare().
int CompareWeights(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  if (!a || !b) return static_cast<int>(a.has_value()) - static_cast<int>(b.has_value());
  return a->compare(*b);
}

}  // namespace

SortPattern::SortPattern(std::string_view text) : text_(text), star_(text_.find('*')) {
  if (star_ == std::string::npos) return;
  // An arrow with nothing behind it is a part of the key's name.
  std::size_t arrow = text_.find("->", star_ + 1);
  if (arrow == std::string::npos || arrow + 2 == text_.size()) return;
  field_ = text_.substr(arrow + 2);
  text_.resize(arrow);
}

std::string SortPattern::KeyOf(std::string_view element) const {
  std::string key = text_;
  key.replace(star_, 1, element);
  return key;
}

tl::expected<SortRequest, std::string_view> ParseSort(std::span<const std::string> words,
                                                      bool may_store) {
  SortRequest request;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::size_t left = words.size() - i - 1;
    auto is_word = [&](std::string_view word) { return protocol::EqualsNoCase(words[i], word); };
    if (is_word("asc")) {
      request.is_descending = false;
    } else if (is_word("desc")) {
      request.is_descending = true;
    } else if (is_word("alpha")) {
      request.is_alpha = true;
    } else if (is_word("limit") && left >= 2) {
      auto offset = protocol::ParseInteger(words[i + 1]);
      auto count = protocol::ParseInteger(words[i + 2]);
      if (!offset || !count) return tl::unexpected(protocol::error_text::kNotInteger);
      request.limit_offset = *offset;
      request.limit_count = *count;
      i += 2;
    } else if (may_store && is_word("store") && left >= 1) {
      request.destination = words[++i];
    } else if (is_word("by") && left >= 1) {
      SortPattern pattern(words[++i]);
      // One that says not to sort counts, whatever other BY stands beside it.
      request.is_unsorted |= !pattern.NamesKeys();
      if (pattern.NamesKeys()) request.by = std::move(pattern);
    } else if (is_word("get") && left >= 1) {
      request.gets.emplace_back(words[++i]);
    } else {
      return tl::unexpected(protocol::error_text::kSyntax);
    }
  }
  if (request.is_unsorted) request.by.reset();
  return request;
}

std::string_view FirstSortPattern(std::span<const std::string_view> args) {
  for (std::size_t i = 2; i + 1 < args.size(); ++i) {
    if (protocol::EqualsNoCase(args[i], "get")) return "GET";
    if (protocol::EqualsNoCase(args[i], "limit")) ++i;
    if (protocol::EqualsNoCase(args[i], "by") && SortPattern(args[i + 1]).NamesKeys()) return "BY";
    if (protocol::EqualsNoCase(args[i], "by") || protocol::EqualsNoCase(args[i], "store")) ++i;
  }
  return {};
}

bool OrderByWeights(const SortRequest& request, std::vector<SortedElement>& elements) {
  std::vector<double> numbers(request.is_alpha ? 0 : elements.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!elements[i].weight) continue;  // counts as 0
    auto number = ReadWeight(*elements[i].weight);
    if (!number) return false;
    numbers[i] = *number;
  }
  auto compare = [&](std::size_t a, std::size_t b) {
    if (request.is_alpha) return CompareWeights(elements[a].weight, elements[b].weight);
    if (numbers[a] != numbers[b]) return numbers[a] < numbers[b] ? -1 : 1;
    return elements[a].element.compare(elements[b].element);
  };
  std::vector<std::size_t> order(elements.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return request.is_descending ? compare(a, b) > 0 : compare(a, b) < 0;
  });
  std::vector<SortedElement> sorted;
  sorted.reserve(elements.size());
  for (std::size_t place : order) sorted.push_back(std::move(elements[place]));
  elements = std::move(sorted);
  return true;
}

std::pair<std::size_t, std::size_t> LimitOf(const SortRequest& request, std::size_t size) {
  std::size_t first = std::min(static_cast<std::size_t>(std::max<std::int64_t>(
                                   request.limit_offset, 0)),
                               size);
  if (request.limit_count < 0) return {first, size};
  return {first, first + std::min(static_cast<std::size_t>(request.limit_count), size - first)};
}

}  // namespace slotway::proxy
