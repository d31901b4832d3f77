// SPDX-License-Identifier: Apache-2.0
// Two paths to the same result. ParseRepeated() and ParseAny() take a complete ordinary request in
// one pass and store views directly. Whatever is unusual (incomplete, long, inline, malformed) is
// parked as offsets and goes through the stages of Resume(), where every rule and error of Redis's
// reader stands.
#include "protocol/resp_request_parser.h"

#include <cstring>
#include <limits>
#include <string>

namespace slotway::protocol {
namespace {

constexpr std::size_t kNotFound = std::numeric_limits<std::size_t>::max();
// A request with more arguments than this gives its buffers back before the next one.
constexpr std::size_t kKeptArgs = 1024;
constexpr std::size_t kKeptTextBytes = 16 * 1024;
// Up to here the fast path makes room for the announced count before the arguments are seen.
constexpr std::size_t kTrustedArgs = 64;
constexpr std::size_t kFirstArgs = 8;
// The shortest bulk: "$0\r\n\r\n".
constexpr std::ptrdiff_t kShortestBulk = 6;
constexpr std::size_t kLineEndBytes = RepeatedBulk::kEndBytes;

// Reads the rest of a length of three to nine digits: `p` is behind the first two. Returns what
// follows its CRLF, or nullptr if it is not as plain as that.
const char* ReadLongLength(const char* p, const char* end, std::size_t& value) {
  const char* limit = end - p > 8 ? p + 8 : end - 1;
  while (p < limit) {
    auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) return *p == '\r' ? p + 2 : nullptr;
    value = value * 10 + digit;
    ++p;
  }
  return nullptr;
}

// Reads the length at `p`, of which at least three bytes are there, up to `end`. Returns what
// follows its CRLF, or nullptr if the length is not plain: then ParseLength() judges it.
inline const char* ReadLength(const char* p, const char* end, std::size_t& value) {
  auto first = static_cast<unsigned char>(p[0] - '0');
  if (first > 9) return nullptr;
  if (p[1] == '\r') {
    value = first;
    return p + 3;
  }
  auto second = static_cast<unsigned char>(p[1] - '0');
  if (second > 9 || first == 0) return nullptr;
  value = first * 10u + second;
  if (p[2] == '\r' && end - p >= 4) return p + 4;
  return ReadLongLength(p + 2, end, value);
}

// The integers Redis accepts as lengths: an optional '-', no '+', no leading zeros, 64 bits.
bool ParseLength(std::string_view text, std::int64_t& value) {
  bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19) return false;
  if (text[0] == '0' && (text.size() > 1 || is_negative)) return false;
  std::uint64_t magnitude = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    magnitude = magnitude * 10 + static_cast<std::uint64_t>(c - '0');
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (magnitude > kMax + (is_negative ? 1 : 0)) return false;
  value = static_cast<std::int64_t>(is_negative ? 0 - magnitude : magnitude);
  return true;
}

// isspace() of the "C" locale.
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

}  // namespace

RespRequestParser::Status RespRequestParser::ParseAny(std::string_view input) {
  if (stage_ != Stage::kBegin || input.size() < 4 || input[0] != '*') return Resume(input);
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  std::size_t count = 0;
  const char* const p = ReadLength(begin + 1, end, count);
  if (p == nullptr || count == 0 || static_cast<std::int64_t>(count) > fast_args_max_) {
    return Resume(input);
  }
  if (count > args_.size()) {
    if (count > kTrustedArgs) return Resume(input);
    args_.resize(std::max(count, kFirstArgs));
  }
  return ParseBulks(input, p, 0, count);
}

// The fast path from the bulk `first` on, which begins at `p`.
RespRequestParser::Status RespRequestParser::ParseBulks(std::string_view input, const char* p,
                                                        std::size_t first, std::size_t count) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  std::string_view* const args = args_.data();
  const auto bulk_bytes_max = static_cast<std::size_t>(fast_bulk_bytes_max_);
  for (std::size_t i = first; i < count; ++i) {
    const char* const line = p;
    std::size_t length = 0;
    if (end - p < kShortestBulk || *p != '$') {
      return Park(input, i, count, static_cast<std::size_t>(line - begin));
    }
    p = ReadLength(p + 1, end, length);
    if (p == nullptr || length > bulk_bytes_max || static_cast<std::size_t>(end - p) < length + 2) {
      return Park(input, i, count, static_cast<std::size_t>(line - begin));
    }
    args[i] = {p, length};
    p += length + 2;
  }
  const auto behind = [args](std::size_t i) {
    return args[i].data() + args[i].size() + kLineEndBytes;
  };
  if (first == 0) head_.Remember(begin, static_cast<std::size_t>(behind(0) - begin));
  for (std::size_t i = std::max<std::size_t>(first, 1); i < count && i <= bulks_.size(); ++i) {
    const auto line_bytes = static_cast<std::size_t>(args[i].data() - behind(i - 1));
    bulks_[i - 1].Remember(behind(i - 1), line_bytes, args[i].size());
  }
  args_count_ = count;
  consumed_ = static_cast<std::size_t>(p - begin);
  is_inline_ = false;
  return Status::kRequest;
}

// Turns what the fast path has seen into offsets and goes on from the line at `offset`.
RespRequestParser::Status RespRequestParser::Park(std::string_view input, std::size_t parsed,
                                                  std::size_t count, std::size_t offset) {
  head_.Forget();
  repeats_command_ = false;
  pending_args_.clear();
  for (std::size_t i = 0; i < parsed; ++i) {
    pending_args_.push_back(
        {static_cast<std::size_t>(args_[i].data() - input.data()), args_[i].size()});
  }
  is_inline_ = false;
  args_left_ = count - parsed;
  line_offset_ = scanned_offset_ = offset;
  stage_ = Stage::kBulkLine;
  return ResumeBulks(input);
}

RespRequestParser::Status RespRequestParser::Resume(std::string_view input) {
  head_.Forget();
  repeats_command_ = false;
  if (stage_ == Stage::kReleaseFirst) {
    ReleaseBuffers();
    stage_ = Stage::kBegin;
  }
  if (stage_ == Stage::kBegin) {
    args_count_ = 0;
    if (input.empty()) return Wait(1);
    line_offset_ = scanned_offset_ = 0;
    pending_args_.clear();
    is_inline_ = input[0] != '*';
    stage_ = is_inline_ ? Stage::kInlineLine : Stage::kCountLine;
  }
  switch (stage_) {
    case Stage::kInlineLine:
      return ResumeInline(input);
    case Stage::kCountLine:
      return ResumeCount(input);
    default:
      return ResumeBulks(input);
  }
}

RespRequestParser::Status RespRequestParser::ResumeInline(std::string_view input) {
  const std::size_t end = FindLineEnd(input, '\n');
  if (end == kNotFound) {
    if (input.size() > limits_.inline_bytes_max) {
      return Fail("ERR Protocol error: too big inline request");
    }
    return Wait(1);
  }
  if (end > limits_.inline_bytes_max) return Fail("ERR Protocol error: too big inline request");
  std::string_view line = input.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!SplitInline(line)) return Fail("ERR Protocol error: unbalanced quotes in request");
  consumed_ = end + 1;
  stage_ = args_count_ > kKeptArgs || text_.size() > kKeptTextBytes ? Stage::kReleaseFirst
                                                                    : Stage::kBegin;
  return Status::kRequest;
}

RespRequestParser::Status RespRequestParser::ResumeCount(std::string_view input) {
  const std::size_t end = FindLineEnd(input, '\r');
  if (end == kNotFound || end > limits_.inline_bytes_max) {
    if (input.size() > limits_.inline_bytes_max) {
      return Fail("ERR Protocol error: too big mbulk count string");
    }
    return Wait(2);
  }
  if (end + 2 > input.size()) return Wait(1);
  std::int64_t count = 0;
  if (!ParseLength(input.substr(1, end - 1), count) || count > limits_.args_max) {
    return Fail("ERR Protocol error: invalid multibulk length");
  }
  if (!limits_.is_authenticated && count > kUnauthenticatedArgsMax) {
    return Fail("ERR Protocol error: unauthenticated multibulk length");
  }
  line_offset_ = scanned_offset_ = end + 2;
  args_left_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  stage_ = Stage::kBulkLine;
  return ResumeBulks(input);
}

RespRequestParser::Status RespRequestParser::ResumeBulks(std::string_view input) {
  while (args_left_ > 0) {
    if (stage_ == Stage::kBulkLine) {
      const char* const line = input.data() + line_offset_;
      const char* const end = input.data() + input.size();
      const char* payload = nullptr;
      if (end - line >= 4 && *line == '$') payload = ReadLength(line + 1, end, bulk_length_);
      if (payload != nullptr && static_cast<std::int64_t>(bulk_length_) <= fast_bulk_bytes_max_) {
        line_offset_ = static_cast<std::size_t>(payload - input.data());
      } else {
        Status status = ResumeBulkLine(input);
        if (status != Status::kRequest) return status;
      }
      stage_ = Stage::kBulkPayload;
    }
    const std::size_t bytes_there = input.size() - line_offset_;
    if (bytes_there < bulk_length_ + 2) return Wait(bulk_length_ + 2 - bytes_there);
    pending_args_.push_back({line_offset_, bulk_length_});
    line_offset_ += bulk_length_ + 2;
    scanned_offset_ = line_offset_;
    --args_left_;
    stage_ = Stage::kBulkLine;
  }
  return Finish(input);
}

// Reads the "$<length>" line at line_offset_ by all of Redis's rules; kRequest means that it is
// done, with bulk_length_ set and line_offset_ at the payload.
RespRequestParser::Status RespRequestParser::ResumeBulkLine(std::string_view input) {
  const std::size_t end = FindLineEnd(input, '\r');
  if (end == kNotFound || end - line_offset_ > limits_.inline_bytes_max) {
    if (input.size() - line_offset_ > limits_.inline_bytes_max) {
      return Fail("ERR Protocol error: too big bulk count string");
    }
    return Wait(2);
  }
  if (end + 2 > input.size()) return Wait(1);
  char type = input[line_offset_];
  if (type != '$') {
    if (type == '\r' || type == '\n') type = ' ';
    std::string text = std::string("ERR Protocol error: expected '$', got '") + type + "'";
    text_.assign(text.begin(), text.end());
    return Fail({text_.data(), text_.size()});
  }
  std::int64_t length = 0;
  if (!ParseLength(input.substr(line_offset_ + 1, end - line_offset_ - 1), length) || length < 0 ||
      length > limits_.bulk_bytes_max) {
    return Fail("ERR Protocol error: invalid bulk length");
  }
  if (!limits_.is_authenticated && length > kUnauthenticatedBulkBytesMax) {
    return Fail("ERR Protocol error: unauthenticated bulk length");
  }
  bulk_length_ = static_cast<std::size_t>(length);
  line_offset_ = end + 2;
  return Status::kRequest;
}

RespRequestParser::Status RespRequestParser::Finish(std::string_view input) {
  if (args_.size() < pending_args_.size()) {
    args_.resize(std::max(pending_args_.size(), kFirstArgs));
  }
  args_count_ = pending_args_.size();
  for (std::size_t i = 0; i < args_count_; ++i) {
    args_[i] = {input.data() + pending_args_[i].offset, pending_args_[i].length};
  }
  consumed_ = line_offset_;
  stage_ = args_count_ > kKeptArgs ? Stage::kReleaseFirst : Stage::kBegin;
  return Status::kRequest;
}

RespRequestParser::Status RespRequestParser::Fail(std::string_view text) {
  error_text_ = text;
  args_count_ = 0;
  return Status::kError;
}

RespRequestParser::Status RespRequestParser::Wait(std::size_t bytes_missing) {
  bytes_missing_ = bytes_missing;
  return Status::kIncomplete;
}

// Where the line at line_offset_ ends, or kNotFound. A NUL before the end hides it, as Redis looks
// for it in a C string.
std::size_t RespRequestParser::FindLineEnd(std::string_view input, char terminator) {
  std::string_view rest = input.substr(scanned_offset_);
  const std::size_t end = rest.find(terminator);
  const std::size_t nul = rest.substr(0, end).find('\0');
  if (nul != std::string_view::npos) {
    scanned_offset_ += nul;
    return kNotFound;
  }
  if (end == std::string_view::npos) {
    scanned_offset_ = input.size();
    return kNotFound;
  }
  scanned_offset_ += end;
  return scanned_offset_;
}

void RespRequestParser::PushArg(std::string_view arg) {
  if (args_count_ == args_.size()) args_.resize(std::max(args_count_ * 2, kFirstArgs));
  args_[args_count_++] = arg;
}

bool RespRequestParser::SplitInline(std::string_view line) {
  args_count_ = 0;
  if (line.find_first_of("\"'") != std::string_view::npos) return SplitQuoted(line);
  std::size_t i = 0;
  while (true) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    if (i == line.size()) return true;
    const std::size_t end = std::min(line.find_first_of(" \n\r\t", i), line.size());
    PushArg(line.substr(i, end - i));
    i = end;
  }
}

// Splits a line with quotes, into unescaped copies. False if a quote is not closed, or is followed
// by something other than a space.
bool RespRequestParser::SplitQuoted(std::string_view line) {
  text_.resize(line.size());  // unescaping never lengthens, so the copies do not move
  char* out = text_.data();
  auto at = [line](std::size_t i) { return i < line.size() ? line[i] : '\0'; };
  std::size_t i = 0;
  while (true) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    if (i == line.size()) return true;
    char* const arg = out;
    char quote = '\0';
    while (true) {
      if (i == line.size()) {
        if (quote != '\0') return false;
        break;
      }
      const char c = line[i++];
      if (quote == '\0') {
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') break;
        if (c == '"' || c == '\'') {
          quote = c;
        } else {
          *out++ = c;
        }
      } else if (c == quote) {
        if (i < line.size() && !IsSpace(line[i])) return false;
        break;
      } else if (c == '\\' && quote == '\'' && at(i) == '\'') {
        *out++ = line[i++];
      } else if (c == '\\' && quote == '"' && at(i) == 'x' && HexDigit(at(i + 1)) >= 0 &&
                 HexDigit(at(i + 2)) >= 0) {
        *out++ = static_cast<char>(HexDigit(line[i + 1]) * 16 + HexDigit(line[i + 2]));
        i += 3;
      } else if (c == '\\' && quote == '"' && i < line.size()) {
        *out++ = Unescape(line[i++]);
      } else {
        *out++ = c;
      }
    }
    PushArg({arg, static_cast<std::size_t>(out - arg)});
  }
}

void RespRequestParser::ReleaseBuffers() {
  // Assigning {} would keep the memory.
  args_count_ = 0;
  args_ = std::vector<std::string_view>();
  pending_args_ = std::vector<ArgRange>();
  text_ = std::vector<char>();
}

}  // namespace slotway::protocol
