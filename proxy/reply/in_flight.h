// SPDX-License-Identifier: Apache-2.0
// A request that a shard has still to answer, and who waits for the answer.
//
// The request's bytes are not here: they stay in the connection's output log until the reply has
// come, so that a redirect replays them without a copy having been made for it.
#pragma once

#include <cstdint>

#include "protocol/command_table.h"
#include "protocol/slot.h"
#include "proxy/reply/reply_merger.h"
#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

struct InFlight {
  enum class Kind : std::uint8_t {
    kReply,    // goes to a client's queue
    kPart,     // goes to a merger
    kSwallow,  // is dropped: the +OK of ASKING
    kControl,  // belongs to the connection itself: handshake, probes
  };

  union {
    ReplyQueue* queue;    // kReply
    ReplyMerger* merger;  // kPart
  };
  std::uint32_t place = 0;  // kReply: sequence in the queue; kPart: number of the part
  std::uint32_t bytes = 0;  // length of the request on the wire
  protocol::Slot slot{0};
  protocol::CommandId command = 0;
  Kind kind = Kind::kReply;
  std::uint8_t retries = 0;
  std::uint8_t redirects = 0;
  std::uint32_t held_since_ms = 0;  // loop time of the first retry; 0: never held
  bool is_readonly = false;         // may be sent again although it may have run
  bool is_held_back = false;        // counted in its client's queue
  bool wants_resp3 = false;

  InFlight() : queue(nullptr) {}

  ReplyQueue& Client() const { return kind == Kind::kPart ? merger->Queue() : *queue; }
  // Its request's place among the client's requests.
  ReplyQueue::Sequence Sequence() const { return kind == Kind::kPart ? merger->Sequence() : place; }
};

// Hands `reply` to whoever waits for it. REQUIRES: kind is kReply or kPart.
void Answer(const InFlight& request, std::string_view reply);
// The same for an error text without '-' and CRLF.
void AnswerError(const InFlight& request, std::string_view text);

}  // namespace slotway::proxy
