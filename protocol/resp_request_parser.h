// SPDX-License-Identifier: Apache-2.0
// Splits a client's byte stream into requests: RESP arrays of bulk strings, and inline commands.
//
// The parser never copies and never reads past what it was given. It resumes an incomplete request
// where it stopped (offsets, not pointers, so the caller may move its buffer between calls), which
// keeps a large bulk linear. One parser per client connection; not thread-safe.
// Limits, error texts and leniency are those of Redis's own request reader fed byte by byte: it
// trusts the announced lengths and looks at neither the byte behind a '\r' nor the two behind a
// bulk, and a NUL hides the end of its line. How the bytes were cut never changes the outcome.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/repeated_bulk.h"
#include "protocol/request_head.h"

namespace slotway::protocol {

// Before a client has authenticated Redis allows 10 arguments of at most 16384 bytes.
inline constexpr std::int64_t kUnauthenticatedArgsMax = 10;
inline constexpr std::int64_t kUnauthenticatedBulkBytesMax = 16384;

struct RequestLimits {
  std::int64_t bulk_bytes_max = 512LL * 1024 * 1024;  // proto-max-bulk-len
  std::int64_t args_max = 2147483647;                 // elements of one request
  std::size_t inline_bytes_max = 64 * 1024;           // one line: inline command or a length
  bool is_authenticated = true;                       // false: the two limits above hold as well
};

inline constexpr RequestLimits kUnauthenticatedLimits{.is_authenticated = false};

class RespRequestParser {
 public:
  enum class Status { kRequest, kIncomplete, kError };

  // Parses the request at the start of `input`.
  //  kRequest     Args() and Consumed() describe it; the views point into `input`. A request of no
  //               arguments (an empty line, "*0") is reported with Args().empty(): skip it.
  //  kIncomplete  call again with the same bytes and more behind them. BytesMissing() is how many
  //               more are needed at least: as announced by the client, so cap it before reserving.
  //  kError       ErrorText() is the reply to send before the connection is closed.
  Status Parse(std::string_view input) {
    repeats_command_ = stage_ == Stage::kBegin && head_.Begins(input.data(), input.size());
    return repeats_command_ ? ParseRepeated(input) : ParseAny(input);
  }

  // Valid until the next Parse(), as long as the input's bytes stay where they are.
  std::span<const std::string_view> Args() const { return {args_.data(), args_count_}; }
  std::size_t Consumed() const { return consumed_; }
  std::size_t BytesMissing() const { return bytes_missing_; }
  // Of a request that is not complete: how many bytes of it are understood, that is, lie before the
  // line or the bulk that is not complete.
  std::size_t BytesUnderstood() const {
    return stage_ == Stage::kBegin || stage_ == Stage::kReleaseFirst ? 0 : line_offset_;
  }
  // To be called when nobody needs Args() any more: memory of a large request is not kept.
  void GiveBackLargeBuffers() {
    if (stage_ == Stage::kReleaseFirst) ReleaseBuffers();
  }
  // Without the leading '-' and the CRLF, for example
  // "ERR Protocol error: invalid bulk length". Valid until the next Parse().
  std::string_view ErrorText() const { return error_text_; }
  // Whether the last request was an inline command: its views point into the parser's own
  // unescaped copy where the line had quotes, and its bytes cannot be passed on as they are.
  bool IsInline() const { return is_inline_; }

  // Whether the last request has as many arguments as the one before and, byte for byte, the same
  // first one. It may be so and not be noticed.
  bool RepeatsCommand() const { return repeats_command_; }

  // Takes effect with the next length that is read. Requests behind an AUTH must be parsed after
  // it was executed: it may lift the limits.
  void SetLimits(const RequestLimits& limits) {
    limits_ = limits;
    head_.Forget();
    fast_args_max_ = limits.args_max;
    fast_bulk_bytes_max_ = limits.bulk_bytes_max;
    if (!limits.is_authenticated) {
      fast_args_max_ = std::min(fast_args_max_, kUnauthenticatedArgsMax);
      fast_bulk_bytes_max_ = std::min(fast_bulk_bytes_max_, kUnauthenticatedBulkBytesMax);
    }
  }

 private:
  enum class Stage : std::uint8_t {
    kBegin,         // nothing of the request has been looked at
    kInlineLine,    // inside an inline command's line
    kCountLine,     // inside "*<count>"
    kBulkLine,      // inside "$<length>"
    kBulkPayload,   // behind it
    kReleaseFirst,  // like kBegin, but the last request left large buffers to give back
  };
  struct ArgRange {
    std::size_t offset;
    std::size_t length;
  };

  // The head is known, and the first arguments behind it are mostly as long as the last ones.
  Status ParseRepeated(std::string_view input) {
    const char* p = input.data() + head_.Length();
    const char* const end = input.data() + input.size();
    const std::size_t length = args_[0].size();
    args_[0] = {p - RepeatedBulk::kEndBytes - length, length};
    for (std::size_t i = 1; i < args_count_; ++i) {
      if (i > bulks_.size() || !bulks_[i - 1].IsAt(p, static_cast<std::size_t>(end - p))) {
        return ParseBulks(input, p, i, args_count_);
      }
      const RepeatedBulk& bulk = bulks_[i - 1];
      args_[i] = {p + bulk.LineBytes(), bulk.Length()};
      p += bulk.BulkBytes();
    }
    consumed_ = static_cast<std::size_t>(p - input.data());
    return Status::kRequest;
  }
  Status ParseAny(std::string_view input);
  Status Resume(std::string_view input);
  Status ResumeInline(std::string_view input);
  Status ResumeCount(std::string_view input);
  Status ResumeBulkLine(std::string_view input);
  Status ResumeBulks(std::string_view input);
  Status ParseBulks(std::string_view input, const char* p, std::size_t first, std::size_t count);
  Status Park(std::string_view input, std::size_t parsed, std::size_t count, std::size_t offset);
  Status Finish(std::string_view input);
  Status Fail(std::string_view text);
  Status Wait(std::size_t bytes_missing);
  std::size_t FindLineEnd(std::string_view input, char terminator);
  bool SplitInline(std::string_view line);
  bool SplitQuoted(std::string_view line);
  void PushArg(std::string_view arg);
  void ReleaseBuffers();

  RequestLimits limits_;
  std::int64_t fast_args_max_ = RequestLimits{}.args_max;
  std::int64_t fast_bulk_bytes_max_ = RequestLimits{}.bulk_bytes_max;
  std::vector<std::string_view> args_;  // the first args_count_ are the request's
  std::size_t args_count_ = 0;
  std::size_t consumed_ = 0;
  std::size_t bytes_missing_ = 0;
  bool is_inline_ = false;
  bool repeats_command_ = false;
  // Of the last request, if it took the fast path.
  RequestHead head_;
  std::array<RepeatedBulk, 2> bulks_;  // its arguments behind the first one
  Stage stage_ = Stage::kBegin;

  // Of an incomplete request only; offsets count from its first byte.
  std::vector<ArgRange> pending_args_;
  std::size_t line_offset_ = 0;     // the line or payload that is not complete
  std::size_t scanned_offset_ = 0;  // up to here its end was searched in vain
  std::size_t args_left_ = 0;
  std::size_t bulk_length_ = 0;

  std::string_view error_text_;
  std::vector<char> text_;  // what views cannot show in place: unescaped arguments, an error
};

}  // namespace slotway::protocol
