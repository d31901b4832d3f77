// SPDX-License-Identifier: Apache-2.0
// Splits a client's byte stream into requests: RESP arrays of bulk strings, and inline commands.
//
// The parser never copies and never reads past what it was given. It resumes an incomplete request
// where it stopped (offsets, not pointers, so the caller may move its buffer between calls), which
// keeps a large bulk linear. One parser per client connection; not thread-safe.
// Limits and error texts are those of Redis's own request reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace slotway::protocol {

struct RequestLimits {
  std::int64_t bulk_bytes_max = 512LL * 1024 * 1024;  // proto-max-bulk-len
  std::int64_t args_max = 1024 * 1024;                // elements of one request
  std::size_t inline_bytes_max = 64 * 1024;           // one line: inline command or a length
};

// Before a client has authenticated Redis allows 10 arguments of at most 16384 bytes.
inline constexpr RequestLimits kUnauthenticatedLimits{16384, 10, 64 * 1024};

class RespRequestParser {
 public:
  enum class Status { kRequest, kIncomplete, kError };

  // Parses the request at the start of `input`.
  //  kRequest     Args() and Consumed() describe it; the views point into `input`. A request of no
  //               arguments (an empty line, "*0") is reported with Args().empty(): skip it.
  //  kIncomplete  call again with the same bytes and more behind them. BytesMissing() is how many
  //               more are needed at least.
  //  kError       ErrorText() is the reply to send before the connection is closed.
  Status Parse(std::string_view input);

  std::span<const std::string_view> Args() const { return args_; }
  std::size_t Consumed() const { return consumed_; }
  std::size_t BytesMissing() const { return bytes_missing_; }
  // Without the leading '-' and the CRLF, for example
  // "ERR Protocol error: invalid bulk length".
  std::string_view ErrorText() const { return error_text_; }
  // Whether the last request was an inline command: its views point into the parser's own
  // unescaped copy where the line had quotes, and its bytes cannot be passed on as they are.
  bool IsInline() const { return is_inline_; }

  void SetLimits(const RequestLimits& limits) { limits_ = limits; }

 private:
  // (implementation state; see resp_request_parser.cpp)
  struct ArgRange {
    std::size_t offset;
    std::size_t length;
  };

  Status ParseInline(std::string_view input);
  Status Fail(std::string_view text);

  RequestLimits limits_;
  std::vector<std::string_view> args_;
  std::vector<ArgRange> pending_args_;
  std::size_t consumed_ = 0;
  std::size_t bytes_missing_ = 0;
  std::size_t resume_offset_ = 0;
  std::int64_t args_left_ = 0;
  std::int64_t bulk_length_ = -1;
  bool is_inline_ = false;
  std::string_view error_text_;
  std::vector<char> inline_copy_;
};

}  // namespace slotway::protocol
