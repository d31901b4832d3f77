// SPDX-License-Identifier: Apache-2.0
#include "runtime/http_get.h"

#include <charconv>

namespace slotway::runtime {
namespace {

constexpr std::size_t kAnswerBytesMax = 1u << 20;

}  // namespace

Result<HttpAnswer> ReadHttpAnswer(std::string_view received) {
  constexpr std::string_view kVersion = "HTTP/1.";
  const std::size_t code = received.find(' ');
  const std::size_t head = received.find("\r\n\r\n");
  HttpAnswer answer;
  const char* end = received.data() + received.size();
  const bool is_http = received.starts_with(kVersion) && code < head && head != received.npos &&
                       std::from_chars(received.data() + code + 1, end, answer.status).ec == std::errc();
  if (!is_http) return Fail("what answers does not speak HTTP");
  answer.body = received.substr(head + 4);
  return answer;
}

// Version 1.0: nothing comes in chunks.
Result<HttpAnswer> HttpGet(BlockingClient& server, const std::string& host, const std::string& path,
                           const std::string& token) {
  std::string request = "GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\nAccept: */*\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
  if (!server.Send(request + "Connection: close\r\n\r\n")) return Fail("the connection was lost");
  std::string received;
  while (server.ReceiveSome(received)) {
    if (received.size() > kAnswerBytesMax) return Fail("the answer has no end");
  }
  return ReadHttpAnswer(received);
}

}  // namespace slotway::runtime
