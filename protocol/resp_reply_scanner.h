// SPDX-License-Identifier: Apache-2.0
// Finds where a reply ends, in RESP2 and RESP3, without building it.
//
// The proxy passes replies on as bytes; it needs only their borders and, for errors, their first
// word. The scanner resumes inside an incomplete reply, so a reply is never scanned twice. One
// scanner per backend connection; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slotway::protocol {

class RespReplyScanner {
 public:
  enum class Status { kReply, kIncomplete, kMalformed };

  // Looks for the end of the reply at the start of `input`.
  //  kReply       it is input.substr(0, Consumed()). Type() is its first byte. The scanner is
  //               ready for the next one.
  //  kIncomplete  call again once more bytes have arrived. The caller may drop the first
  //               Scanned() bytes from the front (pass them on) if it tells so with Drop().
  //  kMalformed   the stream cannot be followed any further: close the connection.
  Status Scan(std::string_view input);

  std::size_t Consumed() const { return consumed_; }
  // How many bytes of the incomplete reply have been looked at and may be passed on.
  std::size_t Scanned() const { return offset_; }
  // Tells that the caller removed Scanned() bytes from the front of its buffer: the next input
  // starts behind them.
  void Drop() { offset_ = 0; }
  // First byte of the reply: '+', '-', ':', '$', '*', or RESP3's '_', '#', ',', '(', '!', '=',
  // '%', '~', '>' ('|' attributes are scanned as part of the reply they precede).
  char Type() const { return type_; }

 private:
  std::size_t consumed_ = 0;
  std::size_t offset_ = 0;            // next byte to look at, within the current reply
  std::size_t skip_bytes_ = 0;        // rest of a bulk that had not arrived
  std::vector<std::int64_t> levels_;  // elements still missing, per open aggregate
  char type_ = 0;
  bool in_reply_ = false;
};

}  // namespace slotway::protocol
