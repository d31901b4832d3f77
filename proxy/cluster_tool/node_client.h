// SPDX-License-Identifier: Apache-2.0
// One node, as a tool talks to it: request, reply, and an error that names the node.
//
// Blocks. Connects when first asked, and again when the connection was lost. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_reply_value.h"
#include "protocol/topology.h"
#include "runtime/blocking_client.h"
#include "runtime/result.h"
#include "runtime/tls_context.h"

namespace slotway::proxy {

struct ToolLogin {
  std::string user;      // empty: the default user
  std::string password;  // empty: none
  // shared: by the connections to all nodes. nullptr: they are plain.
  std::shared_ptr<const runtime::TlsContext> tls = nullptr;
};

using NodeRequest = std::vector<std::string>;

class NodeClient {
 public:
  NodeClient(protocol::Endpoint endpoint, ToolLogin login)
      : endpoint_(std::move(endpoint)), login_(std::move(login)) {}

  const protocol::Endpoint& Endpoint() const { return endpoint_; }
  std::string Name() const;

  // An error reply is an error.
  runtime::Result<protocol::RespValue> Call(const NodeRequest& request);
  // An error reply is a value; only a lost connection is an error.
  runtime::Result<protocol::RespValue> Ask(const NodeRequest& request);
  // All requests in one go; one reply each, errors among them.
  runtime::Result<std::vector<protocol::RespValue>> AskAll(std::span<const NodeRequest> requests);
  // The address in digits that the connection goes to.
  runtime::Result<std::string> NumericHost();

 private:
  runtime::Result<void> Connect();
  runtime::Result<protocol::RespValue> ReadReply();
  tl::unexpected<runtime::Error> Lost(std::string_view why);

  protocol::Endpoint endpoint_;
  ToolLogin login_;
  std::optional<runtime::BlockingClient> connection_;
  std::string received_;
};

}  // namespace slotway::proxy
