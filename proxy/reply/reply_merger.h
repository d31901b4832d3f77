// SPDX-License-Identifier: Apache-2.0
// Joins the replies of a request's parts into the one reply its client expects.
//
// How parts join is the command's response policy. One failed part makes the whole reply that
// part's error. A merger lives until its last part arrived, then frees itself. Belongs to its
// worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"
#include "proxy/reply/reply_taker.h"

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

class ReplyMerger final : public ReplyTaker {
 public:
  // `parts` replies are to come. For kByKeyOrder SetKeyPlaces() follows.
  static ReplyMerger* New(MergeRule rule, ReplyQueue& queue, ReplyQueue::Sequence sequence,
                          std::size_t parts);

  // Part `part` answers the keys at `places` of the request (0-based, in the part's own order).
  void SetKeyPlaces(std::size_t part, std::vector<std::uint32_t> places);

  // The whole reply of one part. Destroys the merger when it was the last.
  void OnReply(std::size_t part, std::string_view reply) override;

 private:
  ReplyMerger(MergeRule rule, ReplyQueue& queue, ReplyQueue::Sequence sequence, std::size_t parts);

  void Fold(std::size_t part, std::string_view reply);
  void FoldIntegers(std::string_view reply);
  void FoldArray(std::size_t part, std::string_view reply);
  std::string Result() const;

  struct Part {
    std::vector<std::uint32_t> places;
  };

  MergeRule rule_;
  std::size_t parts_left_;
  std::vector<Part> parts_;
  std::vector<std::string> elements_;  // kByKeyOrder: one encoded element per key
  std::string bytes_;                  // kConcatenate: encoded elements; others: first reply
  std::size_t element_count_ = 0;
  std::vector<std::int64_t> integers_;
  bool is_integer_array_ = false;
  std::string error_;
};

}  // namespace slotway::proxy
