// SPDX-License-Identifier: Apache-2.0
// A request that a shard has still to answer, and who waits for the answer.
//
// The request's bytes are not here: they stay in the connection's output log until the reply has
// come, so that a redirect replays them without a copy having been made for it.
#pragma once

#include <cstdint>

#include "protocol/command_table.h"
#include "protocol/slot.h"
#include "proxy/reply/lane.h"
#include "proxy/reply/read_choice.h"
#include "proxy/reply/reply_queue.h"
#include "proxy/reply/reply_taker.h"

namespace slotway::proxy {

struct InFlight {
  enum class Kind : std::uint8_t {
    kReply,    // goes to a client's queue
    kPart,     // goes to a taker
    kSwallow,  // is dropped: the +OK of ASKING and the like
    kControl,  // belongs to the connection itself: handshake, probes
    kFenced,   // is answered by pushes: BackendConnection::SendFenced()
    kTicket,   // is no request: its taker waits for the shard (Dispatcher::Await())
  };

  union {
    ReplyQueue* queue;  // kReply
    ReplyTaker* taker;  // kPart, kTicket
  };
  std::uint32_t place = 0;  // kReply: sequence in the queue; kPart, kTicket: number of the part
  std::uint32_t bytes = 0;  // length of the request on the wire
  protocol::Slot slot{0};
  protocol::CommandId command = 0;
  Kind kind = Kind::kReply;
  std::uint8_t retries = 0;
  std::uint8_t redirects = 0;
  ReadChoice reads;                 // of a read in a lane with IsReadonly(): who may answer it
  std::uint32_t held_since_ms = 0;  // loop time of the first retry; 0: never held
  bool is_readonly = false;         // may be sent again although it may have run
  bool is_held_back = false;        // counted in its client's queue
  // Errors are the taker's business: no redirect is followed, nothing is sent again, and it is the
  // taker who holds its client's later requests back. kPart only.
  bool is_raw = false;
  bool is_by_digest = false;  // runs a script that the proxy knew when it was asked
  bool shows_script = false;  // EVAL: its script is remembered unless the shard refuses it
  // Held requests of its client to its slot wait for what becomes of it: see HoldQueue.
  bool is_awaited = false;
  Lane lane;

  InFlight() : queue(nullptr) {}
  // One whose reply nobody wants.
  static InFlight Dropped() {
    InFlight dropped;
    dropped.kind = Kind::kSwallow;
    return dropped;
  }

  // Whether a client waits for it.
  bool HasClient() const { return kind == Kind::kReply || HasTaker(); }
  bool HasTaker() const { return kind == Kind::kPart || kind == Kind::kTicket; }
  ReplyQueue& Client() const { return HasTaker() ? taker->Queue() : *queue; }
  // Its request's place among the client's requests.
  ReplyQueue::Sequence Sequence() const { return HasTaker() ? taker->Sequence() : place; }
};

// One is written for every request: it has no bit fields, so that nothing of it is read before.
static_assert(sizeof(InFlight) == 40);

// Hands `reply` to whoever waits for it. REQUIRES: HasClient().
void Answer(const InFlight& request, std::string_view reply);
// The same for an error text without '-' and CRLF.
void AnswerError(const InFlight& request, std::string_view text);

}  // namespace slotway::proxy
