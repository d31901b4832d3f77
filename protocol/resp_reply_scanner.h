// SPDX-License-Identifier: Apache-2.0
// Finds where a reply ends, in RESP2 and RESP3, without building it.
//
// The proxy passes replies on as bytes; it needs only their borders and, for errors, their first
// word. The scanner resumes inside an incomplete reply, so a reply is never scanned twice. One
// scanner per backend connection; not thread-safe. RESP3's streamed strings and aggregates ("$?"),
// which no server sends, count as malformed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/repeated_bulk.h"

namespace slotway::protocol {

class RespReplyScanner {
 public:
  enum class Status { kReply, kIncomplete, kMalformed };

  // Aggregates within aggregates beyond this count as malformed.
  static constexpr std::size_t kDepthMax = 10000;

  // Looks for the end of the reply at the start of `input`.
  //  kReply       it is input.substr(0, Consumed()). Type() is its first byte. The scanner is
  //               ready for the next one.
  //  kIncomplete  call again once more bytes have arrived. The caller may drop the first
  //               Scanned() bytes from the front (pass them on) if it tells so with Drop().
  //  kMalformed   the stream cannot be followed any further: close the connection.
  Status Scan(std::string_view input) {
    // Mostly it is a string that is as long as the last one, or as short as a reply can be.
    if (!in_reply_ && bulk_.IsAt(input.data(), input.size())) {
      const char* const behind = input.data() + bulk_.BulkBytes();
      if (behind[-2] == '\r' && behind[-1] == '\n') return Found('$', bulk_.BulkBytes());
    }
    if (!in_reply_ && input.starts_with("+OK\r\n")) return Found('+', 5);
    return ScanAny(input);
  }

  std::size_t Consumed() const { return consumed_; }
  // How many bytes of the incomplete reply have been looked at and may be passed on.
  std::size_t Scanned() const { return offset_; }
  // Tells that the caller removed Scanned() bytes from the front of its buffer: the next input
  // starts behind them.
  void Drop() { offset_ = 0; }
  // First byte of the reply: '+', '-', ':', '$', '*', or RESP3's '_', '#', ',', '(', '!', '=',
  // '%', '~', '>'. '|' attributes are scanned as part of the reply they precede and do not count:
  // the type is that of the reply behind them ('|' while that has not arrived).
  char Type() const { return type_; }

 private:
  enum class Step : std::uint8_t { kElement, kOpened, kIncomplete, kMalformed };

  Status Found(char type, std::size_t bytes) {
    type_ = type;
    consumed_ = bytes;
    return Status::kReply;
  }
  Status ScanAny(std::string_view input);
  void RememberBulk(std::string_view bulk);
  Status Resume(std::string_view input);
  void SkipScalars(std::string_view input);
  Step ScanElement(std::string_view input);
  Step ScanLine(std::string_view input);
  Step ScanBulkRest(std::string_view input);
  Step Open(char type, std::int64_t count);
  void BeginElement(char type);

  RepeatedBulk bulk_;  // the last reply that was one
  std::size_t consumed_ = 0;
  std::size_t offset_ = 0;            // next byte to look at, within the current reply
  std::size_t skip_bytes_ = 0;        // rest of a bulk, with its CRLF, that had not arrived
  std::vector<std::int64_t> levels_;  // elements still missing, per open aggregate
  char type_ = 0;
  bool in_reply_ = false;
  bool in_line_ = false;       // the rest of a line had not arrived
  bool in_attribute_ = false;  // the lowest level is an attribute's and its reply's
};

}  // namespace slotway::protocol
