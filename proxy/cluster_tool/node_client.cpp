// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/node_client.h"

#include <utility>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

constexpr std::uint64_t kConnectMs = 5'000;
// Moving many or large keys may keep a node busy for a while.
constexpr std::uint64_t kReplyMs = 90'000;

void AppendRequest(std::string& bytes, const NodeRequest& request) {
  protocol::StringSink sink{bytes};
  const std::vector<std::string_view> args(request.begin(), request.end());
  protocol::WriteRequest(sink, std::span<const std::string_view>(args));
}

}  // namespace

std::string NodeClient::Name() const {
  const bool is_v6 = endpoint_.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint_.host + "]" : endpoint_.host) + ":" +
         std::to_string(endpoint_.port);
}

tl::unexpected<runtime::Error> NodeClient::Lost(std::string_view why) {
  connection_.reset();
  received_.clear();
  return Fail(Name() + ": " + std::string(why));
}

Result<void> NodeClient::Connect() {
  std::unique_ptr<runtime::TlsStream> tls;
  if (login_.tls != nullptr) {
    tls = runtime::TlsStream::ForClient(*login_.tls, endpoint_.host,
                                        runtime::TlsStream::Verify::kAuthority);
  }
  auto connection = runtime::BlockingClient::Connect(endpoint_.host, endpoint_.port, kConnectMs,
                                                     std::move(tls));
  if (!connection) return Lost(connection.error().text);
  connection_.emplace(std::move(*connection));
  connection_->SetTimeout(kReplyMs);
  if (login_.password.empty()) return {};
  NodeRequest auth = {"AUTH"};
  if (!login_.user.empty()) auth.push_back(login_.user);
  auth.push_back(login_.password);
  std::string bytes;
  AppendRequest(bytes, auth);
  if (!connection_->Send(bytes)) return Lost("the connection was lost");
  Result<RespValue> reply = ReadReply();
  if (!reply) return tl::unexpected(reply.error());
  if (reply->IsError()) return Lost(reply->text);
  return {};
}

Result<RespValue> NodeClient::ReadReply() {
  using Status = protocol::RespReplyScanner::Status;
  protocol::RespReplyScanner scanner;
  while (true) {
    const Status status = scanner.Scan(received_);
    if (status == Status::kMalformed) return Lost("what answers does not speak Redis's protocol");
    if (status == Status::kReply) break;
    if (!connection_->ReceiveSome(received_)) return Lost("the connection was lost");
  }
  auto value = protocol::ParseRespValue(std::string_view(received_).substr(0, scanner.Consumed()));
  received_.erase(0, scanner.Consumed());
  if (!value) return Lost(value.error());
  return *value;
}

Result<std::vector<RespValue>> NodeClient::AskAll(std::span<const NodeRequest> requests) {
  if (!connection_) {
    if (Result<void> connected = Connect(); !connected) return tl::unexpected(connected.error());
  }
  std::string bytes;
  for (const NodeRequest& request : requests) AppendRequest(bytes, request);
  if (!connection_->Send(bytes)) return Lost("the connection was lost");
  std::vector<RespValue> replies;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Result<RespValue> reply = ReadReply();
    if (!reply) return tl::unexpected(reply.error());
    replies.push_back(std::move(*reply));
  }
  return replies;
}

Result<RespValue> NodeClient::Ask(const NodeRequest& request) {
  auto replies = AskAll({&request, 1});
  if (!replies) return tl::unexpected(replies.error());
  return std::move(replies->front());
}

Result<RespValue> NodeClient::Call(const NodeRequest& request) {
  Result<RespValue> reply = Ask(request);
  if (reply && reply->IsError()) return Fail(Name() + ": " + reply->text);
  return reply;
}

Result<std::string> NodeClient::NumericHost() {
  if (!connection_) {
    if (Result<void> connected = Connect(); !connected) return tl::unexpected(connected.error());
  }
  return connection_->PeerAddress();
}

}  // namespace slotway::proxy
