// SPDX-License-Identifier: Apache-2.0
// Reads a reply of our own element by element, without building it: for what is converted at once.
//
// The bytes are trusted: RespWriter wrote them, and the reply is complete. What comes from outside
// goes through RespReplyScanner and ParseRespValue(). Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace slotway::protocol {

struct RespElement {
  char type = 0;            // the first byte: '+', '$', '%', ...
  std::int64_t number = 0;  // ':' the number; '*' '~' '%' '>' '|' how many (pairs); -1: null
  std::string_view text;  // of strings and of all that is a line; of '=' with its format, "txt:..."
};

class RespCursor {
 public:
  explicit RespCursor(std::string_view reply) : at_(reply.data()) {}

  // What stands in front of an element, and is no part of it, is left out: attributes.
  RespElement NextBehindAttributes() {
    RespElement element = Next();
    while (element.type == '|') {
      for (std::int64_t i = 0; i < 2 * element.number; ++i) Skip(Next());
      element = Next();
    }
    return element;
  }

  // The next element; those of an aggregate follow it.
  RespElement Next() {
    RespElement element;
    element.type = *at_++;
    switch (element.type) {
      case '$':
      case '=':
        element.number = TakeNumber();
        if (element.number >= 0) {
          element.text = {at_, static_cast<std::size_t>(element.number)};
          at_ += element.number + 2;
        }
        return element;
      case ':':
      case '*':
      case '~':
      case '%':
      case '>':
      case '|':
        element.number = TakeNumber();
        return element;
      default: {
        const char* begin = at_;
        while (*at_ != '\r') ++at_;
        element.text = {begin, static_cast<std::size_t>(at_ - begin)};
        at_ += 2;
        return element;
      }
    }
  }

 private:
  // What belongs to an element that was taken.
  void Skip(const RespElement& element) {
    const bool is_map = element.type == '%' || element.type == '|';
    if (!is_map && element.type != '*' && element.type != '~' && element.type != '>') return;
    for (std::int64_t i = 0; i < (is_map ? 2 : 1) * element.number; ++i) Skip(Next());
  }

  std::int64_t TakeNumber() {
    const bool is_negative = *at_ == '-';
    if (is_negative) ++at_;
    std::uint64_t magnitude = 0;
    while (*at_ != '\r') magnitude = magnitude * 10 + static_cast<std::uint64_t>(*at_++ - '0');
    at_ += 2;
    return static_cast<std::int64_t>(is_negative ? 0 - magnitude : magnitude);
  }

  const char* at_;
};

// A number with as many digits as it likes: RESP3's type for it, a bulk string in RESP2.
template <class Writer, class Sink>
void WriteBigNumber(Writer& writer, Sink& sink, std::string_view digits) {
  if (!writer.IsResp3()) {
    writer.Bulk(digits);
    return;
  }
  sink.Append("(");
  sink.Append(digits);
  sink.Append("\r\n");
}

}  // namespace slotway::protocol
