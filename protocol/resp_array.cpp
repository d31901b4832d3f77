// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_array.h"

#include <charconv>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_writer.h"

namespace slotway::protocol {
namespace {

// The number between the type byte and the first CRLF.
std::optional<std::int64_t> HeaderNumber(std::string_view reply, std::size_t& header_bytes) {
  std::size_t end = reply.find("\r\n");
  if (end == std::string_view::npos || end < 2) return std::nullopt;
  std::int64_t value = 0;
  auto [rest, error] = std::from_chars(reply.data() + 1, reply.data() + end, value);
  if (error != std::errc() || rest != reply.data() + end) return std::nullopt;
  header_bytes = end + 2;
  return value;
}

}  // namespace

bool SplitArray(std::string_view reply, std::vector<std::string_view>& out) {
  if (reply.empty() || (reply[0] != '*' && reply[0] != '~' && reply[0] != '>')) return false;
  std::size_t header_bytes = 0;
  std::optional<std::int64_t> count = HeaderNumber(reply, header_bytes);
  if (!count || *count < 0) return false;
  reply.remove_prefix(header_bytes);
  for (std::int64_t i = 0; i < *count; ++i) {
    RespReplyScanner scanner;
    if (scanner.Scan(reply) != RespReplyScanner::Status::kReply) return false;
    out.push_back(reply.substr(0, scanner.Consumed()));
    reply.remove_prefix(scanner.Consumed());
  }
  return reply.empty();
}

std::optional<std::int64_t> ParseIntegerReply(std::string_view reply) {
  std::size_t header_bytes = 0;
  if (reply.empty() || reply[0] != ':') return std::nullopt;
  std::optional<std::int64_t> value = HeaderNumber(reply, header_bytes);
  if (!value || header_bytes != reply.size()) return std::nullopt;
  return value;
}

void AppendPushAsArray(std::string_view push, std::string& out) {
  out += '*';
  out += push.substr(1);
}

void AppendArrayHeader(std::size_t count, std::string& out) {
  StringSink sink{out};
  RespWriter<StringSink>(sink, RespVersion::kResp2).Array(count);
}

}  // namespace slotway::protocol
