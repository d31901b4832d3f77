// SPDX-License-Identifier: Apache-2.0
// Who takes the replies of a request that needs several exchanges with shards: a merger of parts, or
// an operation of several steps.
//
// A taker stands at one place of one client's queue. It lives until it has delivered there, then
// frees itself. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

class ReplyTaker {
 public:
  ReplyTaker(ReplyQueue& queue, ReplyQueue::Sequence sequence)
      : queue_(queue), sequence_(sequence) {}
  virtual ~ReplyTaker() = default;
  ReplyTaker(const ReplyTaker&) = delete;
  ReplyTaker& operator=(const ReplyTaker&) = delete;

  // The whole reply of one part. May destroy the taker.
  virtual void OnReply(std::size_t part, std::string_view reply) = 0;
  // The connection ended before the reply of a raw part (InFlight::is_raw). May destroy the taker.
  virtual void OnLost(std::size_t /*part*/, bool /*may_have_run*/) {}
  // What Dispatcher::Await() waited for: the slot's owner can be sent to. May destroy the taker.
  virtual void OnShardReady(std::size_t /*part*/) {}

  ReplyQueue& Queue() const { return queue_; }
  ReplyQueue::Sequence Sequence() const { return sequence_; }

 private:
  ReplyQueue& queue_;
  ReplyQueue::Sequence sequence_;
};

}  // namespace slotway::proxy
