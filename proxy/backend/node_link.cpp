// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/node_link.h"

#include <span>

#include "protocol/resp_writer.h"

namespace slotway::proxy {

void NodeLink::Connect() {
  scanner_ = {};
  BackendLogin login = login_();
  connection_ = runtime::Connection::Connect(loop_, address_, login.connect_timeout_ms,
                                             runtime::FlushStage::kUpstream, *this,
                                             login.tls.StreamTo(address_));
  logins_.Expect(WriteAuth(connection_->Output(), login));
}

void NodeLink::Send(std::initializer_list<std::string_view> args) {
  QueueSink sink{connection_->Output()};
  protocol::WriteRequest(sink, std::span(args.begin(), args.size()));
  connection_->MarkForFlush();
}

void NodeLink::Drop() {
  if (connection_ == nullptr) return;
  connection_->Abandon();
  // Later: it may be on the stack.
  loop_.Defer([dying = connection_.release()] { delete dying; });
}

void NodeLink::Fail() {
  Drop();
  OnDropped();
}

std::size_t NodeLink::OnBytes(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size()) {
    std::string_view rest = input.substr(taken);
    auto status = scanner_.Scan(rest);
    bool is_complete = status == protocol::RespReplyScanner::Status::kReply;
    bool may_go_on = status == protocol::RespReplyScanner::Status::kIncomplete;
    if (may_go_on && rest.size() <= reply_bytes_max_) return taken;
    auto reply = protocol::ParseRespValue(rest.substr(0, is_complete ? scanner_.Consumed() : 0));
    const bool is_login = logins_.AreDue();
    if (!reply || (is_login && !logins_.Take(reply->IsError()))) {
      Fail();
      return input.size();
    }
    taken += scanner_.Consumed();
    if (!is_login) OnReply(*reply);
    if (connection_ == nullptr) return input.size();
  }
  return taken;
}

}  // namespace slotway::proxy
