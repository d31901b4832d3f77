// SPDX-License-Identifier: Apache-2.0
// One question over HTTP, for programs that have nothing else to do until it is answered.
//
// Stops the thread that uses it, for as long as the client's time limit says. One thread.
#pragma once

#include <string>
#include <string_view>

#include "runtime/blocking_client.h"
#include "runtime/result.h"

namespace slotway::runtime {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// What a server has sent until it closed; an error if that is no answer of HTTP/1.
Result<HttpAnswer> ReadHttpAnswer(std::string_view received);

// The server closes the connection behind its answer. `token`: a bearer's; empty: none. An answer of
// more than a megabyte is an error.
Result<HttpAnswer> HttpGet(BlockingClient& server, const std::string& host, const std::string& path,
                           const std::string& token = {});

}  // namespace slotway::runtime
