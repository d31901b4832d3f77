// SPDX-License-Identifier: Apache-2.0
// Takes the replies of the parts that a request was cut into, and delivers them joined.
//
// A merger lives until its last part arrived, then frees itself. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/reply/reply_join.h"
#include "proxy/reply/reply_taker.h"

namespace slotway::proxy {

class ReplyMerger final : public ReplyTaker {
 public:
  // `parts` replies are to come.
  static ReplyMerger* New(MergeRule rule, ReplyQueue& queue, ReplyQueue::Sequence sequence,
                          std::size_t parts) {
    return new ReplyMerger(rule, queue, sequence, parts);
  }

  ReplyJoin& Join() { return join_; }

  // The whole reply of one part. Destroys the merger when it was the last.
  void OnReply(std::size_t part, std::string_view reply) override;

 private:
  ReplyMerger(MergeRule rule, ReplyQueue& queue, ReplyQueue::Sequence sequence, std::size_t parts)
      : ReplyTaker(queue, sequence), parts_left_(parts), join_(rule, parts) {}

  std::size_t parts_left_;
  ReplyJoin join_;
};

}  // namespace slotway::proxy
