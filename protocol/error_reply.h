// SPDX-License-Identifier: Apache-2.0
// An error reply and the text inside it. The same in RESP2 and RESP3.
#pragma once

#include <string>
#include <string_view>

#include "protocol/resp_writer.h"

namespace slotway::protocol {

// "MOVED 3999 127.0.0.1:6381" of the whole reply "-MOVED 3999 127.0.0.1:6381" CRLF.
inline std::string_view ErrorTextOf(std::string_view reply) {
  if (reply.starts_with('-')) reply.remove_prefix(1);
  if (reply.ends_with("\r\n")) reply.remove_suffix(2);
  return reply;
}

// The reply "-ERR no such key" CRLF of the text "ERR no such key".
inline std::string ErrorReplyOf(std::string_view text) {
  std::string reply;
  StringSink sink{reply};
  RespWriter<StringSink>(sink, RespVersion::kResp2).Error(text);
  return reply;
}

}  // namespace slotway::protocol
