// SPDX-License-Identifier: Apache-2.0
// SORT's words beside its key: what BY and GET read, and the order that they make. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace slotway::proxy {

// "weight_*" names a key for each element, "object_*->field" a field of a hash.
class SortPattern {
 public:
  explicit SortPattern(std::string_view text);

  // "#": the element itself.
  bool IsElement() const { return text_ == "#"; }
  // Without a '*' it reads nothing.
  bool NamesKeys() const { return star_ != std::string::npos; }
  // REQUIRES: NamesKeys().
  std::string KeyOf(std::string_view element) const;
  // Empty: the keys are strings.
  std::string_view Field() const { return field_; }

 private:
  std::string text_;  // of the key
  std::string field_;
  std::size_t star_;
};

struct SortRequest {
  std::optional<SortPattern> by;  // that names keys
  std::vector<SortPattern> gets;
  bool is_unsorted = false;  // BY something without a '*'
  bool is_alpha = false;
  bool is_descending = false;
  std::int64_t limit_offset = 0;
  std::int64_t limit_count = -1;  // all
  std::optional<std::string> destination;  // of STORE
};

// Reads what stands behind the key. The error is Redis's.
tl::expected<SortRequest, std::string_view> ParseSort(std::span<const std::string> words,
                                                      bool may_store);

// The word, "BY" or "GET", by which a request reads keys by patterns first; empty if it does not.
std::string_view FirstSortPattern(std::span<const std::string_view> args);
// Whether it does: a cluster's shards refuse it.
inline bool HasSortPatterns(std::span<const std::string_view> args) {
  return !FirstSortPattern(args).empty();
}

struct SortedElement {
  std::string element;
  std::optional<std::string> weight;  // nothing: the key is not there
};

// Orders by weights. False if one of them would have to be a number and is none.
bool OrderByWeights(const SortRequest& request, std::vector<SortedElement>& elements);

// What LIMIT leaves of `size` elements: first and behind the last.
std::pair<std::size_t, std::size_t> LimitOf(const SortRequest& request, std::size_t size);

}  // namespace slotway::proxy
