// SPDX-License-Identifier: Apache-2.0
// Joins the replies of a request's parts into the one reply its client expects.
//
// How parts join is the command's response policy. One failed part makes the whole reply that
// part's error. Where the parts did not all fail alike and it is a node's state that is told, the
// error says which part; an error of the request itself (ERR, WRONGTYPE...) is Redis's exact text.
// A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"

namespace slotway::proxy {

enum class MergeRule : std::uint8_t {
  kSum,  // integers are added
  kMin,
  kMax,
  kLogicalAnd,  // of integers, or element by element of arrays of integers
  kLogicalOr,
  kAllSucceeded,  // the first part's reply, if none failed
  kOneSucceeded,  // the first reply that is no error
  kConcatenate,   // elements of arrays, one array after the other
  kByKeyOrder,    // elements of arrays, each to the place of its key in the request
};

MergeRule MergeRuleOf(protocol::ResponsePolicy policy, bool has_keys);

class ReplyJoin {
 public:
  // `parts` replies are to come. For kByKeyOrder SetKeyPlaces() follows.
  ReplyJoin(MergeRule rule, std::size_t parts);

  // Part `part` answers the keys at `places` of the request (0-based, in the part's own order).
  void SetKeyPlaces(std::size_t part, std::vector<std::uint32_t> places);
  // How an error calls the part, such as "slot 866".
  void SetName(std::size_t part, std::string name) { parts_[part].name = std::move(name); }

  void Fold(std::size_t part, std::string_view reply);
  std::string Result() const;

 private:
  void FoldIntegers(std::string_view reply);
  void FoldArray(std::size_t part, std::string_view reply);
  std::string ErrorResult() const;

  struct Part {
    std::vector<std::uint32_t> places;
    std::string name;
  };

  MergeRule rule_;
  std::vector<Part> parts_;
  std::vector<std::string> elements_;  // kByKeyOrder: one encoded element per key
  std::string bytes_;                  // kConcatenate: encoded elements; others: first reply
  std::size_t element_count_ = 0;
  std::vector<std::int64_t> integers_;
  bool is_integer_array_ = false;
  std::string error_;  // the first
  std::size_t failed_part_ = 0;
  std::size_t same_errors_ = 0;
};

}  // namespace slotway::proxy
