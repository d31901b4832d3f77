// SPDX-License-Identifier: Apache-2.0
// Scan() and ScanAny() take a complete scalar, what nearly every reply is, in one pass. Aggregates
// and whatever is incomplete go element by element through Resume(); lengths are jumped, never
// stepped through.
#include "protocol/resp_reply_scanner.h"

#include <cstring>
#include <limits>

namespace slotway::protocol {
namespace {

// "$" + 19 digits + sign + CRLF, rounded up. A longer length line is malformed.
constexpr std::size_t kLengthLineMax = 32;
// The largest length or count that is believed; keeps the sums below from overflowing.
constexpr std::int64_t kLengthMax = std::int64_t{1} << 48;
constexpr std::size_t kKeptLevels = 64;

bool IsLengthType(char type) {
  switch (type) {
    case '$':
    case '!':
    case '=':
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      return true;
    default:
      return false;
  }
}

bool IsLineType(char type) {
  switch (type) {
    case '+':
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
      return true;
    default:
      return false;
  }
}

struct LengthLine {
  enum class State { kOk, kIncomplete, kMalformed } state;
  std::int64_t value = 0;
  std::size_t bytes = 0;  // with type and CRLF
};

// Reads "<type><digits>\r\n" or "<type>-1\r\n".
LengthLine ReadLengthLine(std::string_view line) {
  std::size_t i = 1;
  std::int64_t value = 0;
  for (; i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
    value = value * 10 + (line[i] - '0');
    if (value > kLengthMax || i > kLengthLineMax) return {LengthLine::State::kMalformed};
  }
  bool has_digits = i > 1;
  if (!has_digits && i < line.size() && line[i] == '-') {
    if (i + 1 < line.size() && line[i + 1] != '1') return {LengthLine::State::kMalformed};
    has_digits = true;
    i = line.size() < 3 ? line.size() : 3;
    value = -1;
  }
  if (i < line.size() && (!has_digits || line[i] != '\r')) return {LengthLine::State::kMalformed};
  if (i + 1 < line.size() && line[i + 1] != '\n') return {LengthLine::State::kMalformed};
  if (i + 2 > line.size()) return {LengthLine::State::kIncomplete};
  return {LengthLine::State::kOk, value, i + 2};
}

// The end of a complete bulk that starts at `p` with '$' and fits before `end`, or nullptr if it
// takes a closer look.
inline const char* SkipBulk(const char* p, const char* end) {
  if (end - p < 5) return nullptr;
  auto digit = static_cast<unsigned char>(p[1] - '0');
  if (digit > 9) return std::memcmp(p, "$-1\r\n", 5) == 0 ? p + 5 : nullptr;
  std::size_t length = digit;
  p += 2;
  const char* const last = end - p > 9 ? p + 8 : end - 2;
  while (*p != '\r') {
    digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) return nullptr;
    length = length * 10 + digit;
    if (++p > last) return nullptr;
  }
  if (p[1] != '\n') return nullptr;
  p += 2;
  if (static_cast<std::size_t>(end - p) < length + 2) return nullptr;
  p += length;
  return p[0] == '\r' && p[1] == '\n' ? p + 2 : nullptr;
}

// The end of a complete ":<integer>\r\n" at `p`, or nullptr if it takes a closer look.
inline const char* SkipInteger(const char* p, const char* end) {
  ++p;
  if (p != end && *p == '-') ++p;
  while (p != end && static_cast<unsigned char>(*p - '0') <= 9) ++p;
  return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? p + 2 : nullptr;
}

// The end of a complete line at `p`, or nullptr.
inline const char* SkipLine(const char* p, const char* end) {
  const auto* newline =
      static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
  return newline != nullptr && newline[-1] == '\r' ? newline + 1 : nullptr;
}

inline const char* SkipScalar(const char* p, const char* end) {
  switch (*p) {
    case '$':
      return SkipBulk(p, end);
    case ':':
      return SkipInteger(p, end);
    case '+':
    case '-':
      return SkipLine(p, end);
    default:
      return nullptr;
  }
}

}  // namespace

RespReplyScanner::Status RespReplyScanner::ScanAny(std::string_view input) {
  if (in_reply_ || input.empty()) return Resume(input);
  const char* const begin = input.data();
  const char* const end = SkipScalar(begin, begin + input.size());
  if (end == nullptr) return Resume(input);
  const auto bytes = static_cast<std::size_t>(end - begin);
  if (*begin == '$' && begin[1] != '-') RememberBulk(input.substr(0, bytes));
  return Found(*begin, bytes);
}

// REQUIRES: `bulk` is one, with its line and its end.
void RespReplyScanner::RememberBulk(std::string_view bulk) {
  std::size_t line_bytes = 4;
  while (bulk[line_bytes - 1] != '\n') ++line_bytes;
  bulk_.Remember(bulk.data(), line_bytes, bulk.size() - line_bytes - RepeatedBulk::kEndBytes);
}

RespReplyScanner::Status RespReplyScanner::Resume(std::string_view input) {
  if (!in_reply_) {
    offset_ = 0;
    if (input.empty()) return Status::kIncomplete;
    in_reply_ = true;
  }
  while (true) {
    if (!levels_.empty() && skip_bytes_ == 0 && !in_line_) SkipScalars(input);
    switch (ScanElement(input)) {
      case Step::kIncomplete:
        return Status::kIncomplete;
      case Step::kMalformed:
        return Status::kMalformed;
      case Step::kOpened:
        continue;
      case Step::kElement:
        break;
    }
    while (!levels_.empty() && --levels_.back() == 0) levels_.pop_back();
    if (levels_.empty()) break;
  }
  if (levels_.capacity() > kKeptLevels) levels_ = decltype(levels_)();
  consumed_ = offset_;
  offset_ = 0;
  in_reply_ = in_attribute_ = false;
  return Status::kReply;
}

// Goes past complete scalars of the innermost aggregate, all but its last element: that one ends
// the aggregate, or is the reply behind an attribute, and is ScanElement()'s.
void RespReplyScanner::SkipScalars(std::string_view input) {
  const char* p = input.data() + offset_;
  const char* const end = input.data() + input.size();
  std::int64_t left = levels_.back();
  while (left > 1 && p < end) {
    const char* const next = SkipScalar(p, end);
    if (next == nullptr) break;
    p = next;
    --left;
  }
  levels_.back() = left;
  offset_ = static_cast<std::size_t>(p - input.data());
}

// Scans the scalar at offset_, or what opens an aggregate there. kElement and kOpened have moved
// offset_ behind it.
RespReplyScanner::Step RespReplyScanner::ScanElement(std::string_view input) {
  if (skip_bytes_ > 0) return ScanBulkRest(input);
  if (in_line_) return ScanLine(input);
  if (offset_ >= input.size()) return Step::kIncomplete;
  const char* const p = input.data() + offset_;
  const char type = *p;
  BeginElement(type);
  if (const char* end = SkipScalar(p, input.data() + input.size()); end != nullptr) {
    offset_ = static_cast<std::size_t>(end - input.data());
    return Step::kElement;
  }
  if (IsLineType(type)) {
    in_line_ = true;
    ++offset_;
    return ScanLine(input);
  }
  if (!IsLengthType(type)) return Step::kMalformed;
  const LengthLine line = ReadLengthLine(input.substr(offset_));
  if (line.state == LengthLine::State::kIncomplete) return Step::kIncomplete;
  if (line.state == LengthLine::State::kMalformed) return Step::kMalformed;
  offset_ += line.bytes;
  if (type != '$' && type != '!' && type != '=') return Open(type, line.value);
  if (line.value < 0) return Step::kElement;
  skip_bytes_ = static_cast<std::size_t>(line.value) + 2;
  return ScanBulkRest(input);
}

// Remembers the type if the element is the reply itself, not a part of it.
void RespReplyScanner::BeginElement(char type) {
  if (levels_.empty() || (in_attribute_ && type != '|' && levels_.size() == 1 && levels_[0] == 1)) {
    type_ = type;
  }
}

// Looks for the CRLF of a line from offset_ on. A '\r' at the very end stays unscanned, so that it
// is still there when its '\n' arrives.
RespReplyScanner::Step RespReplyScanner::ScanLine(std::string_view input) {
  while (true) {
    const std::size_t cr = input.find('\r', offset_);
    if (cr == std::string_view::npos) {
      offset_ = input.size();
      return Step::kIncomplete;
    }
    offset_ = cr;
    if (cr + 1 == input.size()) return Step::kIncomplete;
    if (input[cr + 1] == '\n') break;
    ++offset_;
  }
  offset_ += 2;
  in_line_ = false;
  return Step::kElement;
}

// Jumps over the rest of a bulk. Its CRLF stays unscanned until both bytes are there.
RespReplyScanner::Step RespReplyScanner::ScanBulkRest(std::string_view input) {
  const std::size_t bytes_there = input.size() - offset_;
  if (bytes_there < skip_bytes_) {
    const std::size_t step = bytes_there < skip_bytes_ - 2 ? bytes_there : skip_bytes_ - 2;
    offset_ += step;
    skip_bytes_ -= step;
    return Step::kIncomplete;
  }
  offset_ += skip_bytes_;
  skip_bytes_ = 0;
  return input.substr(offset_ - 2, 2) == "\r\n" ? Step::kElement : Step::kMalformed;
}

RespReplyScanner::Step RespReplyScanner::Open(char type, std::int64_t count) {
  if (type == '%' || type == '|') count *= 2;
  if (type == '|') {
    // An attribute's pairs are further elements of what it stands in: it is none itself.
    if (count < 0) return Step::kMalformed;
    if (levels_.empty()) {
      in_attribute_ = true;
      levels_.push_back(1);
    }
    if (count > std::numeric_limits<std::int64_t>::max() - levels_.back()) return Step::kMalformed;
    levels_.back() += count;
    return Step::kOpened;
  }
  if (count <= 0) return Step::kElement;
  if (levels_.size() >= kDepthMax) return Step::kMalformed;
  levels_.push_back(count);
  return Step::kOpened;
}

}  // namespace slotway::protocol
