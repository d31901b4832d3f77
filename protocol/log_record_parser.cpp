// SPDX-License-Identifier: Apache-2.0
#include "protocol/log_record_parser.h"

#include <charconv>

namespace slotway::protocol {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
// A mark, a number and the end of a line.
constexpr std::size_t kCountLineMax = 24;
constexpr std::size_t kNoteBytesMax = 1024;
constexpr std::size_t kArgsMax = 1024 * 1024 * 1024;

}  // namespace

LogRecordParser::Line LogRecordParser::ReadCount(std::string_view input, char mark,
                                                 std::size_t& count) {
  const std::string_view rest = input.substr(at_, kCountLineMax);
  if (rest.empty()) return Line::kIncomplete;
  if (rest[0] != mark) return Line::kBad;
  const std::size_t end = rest.find('\r');
  if (end == std::string_view::npos) {
    return rest.size() < kCountLineMax ? Line::kIncomplete : Line::kBad;
  }
  const auto parsed = std::from_chars(rest.data() + 1, rest.data() + end, count);
  if (parsed.ec != std::errc() || parsed.ptr != rest.data() + end) return Line::kBad;
  if (end + 1 == rest.size()) return Line::kIncomplete;
  if (rest[end + 1] != '\n') return Line::kBad;
  at_ += end + kLineEnd.size();
  return Line::kComplete;
}

LogRecordParser::Status LogRecordParser::Parse(std::string_view input) {
  args_.clear();
  at_ = 0;
  if (input.empty()) return Status::kIncomplete;
  if (input[0] == '#') {
    const std::size_t end = input.substr(0, kNoteBytesMax).find('\n');
    if (end == std::string_view::npos) {
      return input.size() < kNoteBytesMax ? Status::kIncomplete : Status::kBad;
    }
    at_ = end + 1;
    return Status::kNote;
  }
  std::size_t count = 0;
  const Line head = ReadCount(input, '*', count);
  if (head == Line::kIncomplete) return Status::kIncomplete;
  if (head == Line::kBad || count == 0 || count > kArgsMax) return Status::kBad;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t length = 0;
    const Line line = ReadCount(input, '$', length);
    if (line == Line::kIncomplete) return Status::kIncomplete;
    if (line == Line::kBad) return Status::kBad;
    const std::size_t there = input.size() - at_;
    if (there < length || there - length < kLineEnd.size()) {
      // The two bytes behind it may be here in part, and wrong.
      const bool is_wrong = there > length && input[at_ + length] != kLineEnd[0];
      return is_wrong ? Status::kBad : Status::kIncomplete;
    }
    if (input.substr(at_ + length, kLineEnd.size()) != kLineEnd) return Status::kBad;
    args_.push_back(input.substr(at_, length));
    at_ += length + kLineEnd.size();
  }
  return Status::kCommand;
}

}  // namespace slotway::protocol
