// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_watch.h"

#include <utility>

#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "protocol/sentinel_reply.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kChannel = "+switch-master";
// Nothing that a sentinel says here is longer.
constexpr std::size_t kReplyBytesMax = 64 * 1024;

// The payload of {"message", "+switch-master", payload}, or nothing.
std::string_view PayloadOf(const protocol::RespValue& reply) {
  const auto& elements = reply.elements;
  if (elements.size() != 3 || elements[0].text != "message" || elements[1].text != kChannel) {
    return {};
  }
  return elements[2].text;
}

}  // namespace

SentinelWatch::SentinelWatch(runtime::EventLoop& loop, const runtime::SocketAddress& sentinel,
                             BackendLogin login, std::string master_name,
                             std::function<void()> on_switch)
    : loop_(loop),
      address_(sentinel),
      login_(std::move(login)),
      master_name_(std::move(master_name)),
      on_switch_(std::move(on_switch)) {}

SentinelWatch::~SentinelWatch() = default;

void SentinelWatch::Care() {
  if (connection_ != nullptr && !has_answered_) Drop();
  has_answered_ = false;
  if (connection_ == nullptr) {
    Connect();
  } else {
    Send({"PING"});
  }
}

void SentinelWatch::Connect() {
  scanner_ = {};
  connection_ = runtime::Connection::Connect(loop_, address_, login_.connect_timeout_ms,
                                             runtime::FlushStage::kUpstream, *this);
  WriteAuth(connection_->Output(), login_);
  Send({"SUBSCRIBE", kChannel});
}

void SentinelWatch::Send(std::initializer_list<std::string_view> args) {
  QueueSink sink{connection_->Output()};
  protocol::WriteRequest(sink, std::span(args.begin(), args.size()));
  connection_->MarkForFlush();
}

void SentinelWatch::Drop() {
  // Later: it may be on the stack.
  if (connection_ == nullptr) return;
  connection_->Abandon();
  loop_.Defer([dying = connection_.release()] { delete dying; });
}

std::size_t SentinelWatch::OnBytes(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size()) {
    std::string_view rest = input.substr(taken);
    auto status = scanner_.Scan(rest);
    bool is_complete = status == protocol::RespReplyScanner::Status::kReply;
    bool may_go_on = status == protocol::RespReplyScanner::Status::kIncomplete;
    if (may_go_on && rest.size() <= kReplyBytesMax) return taken;
    auto reply = protocol::ParseRespValue(rest.substr(0, is_complete ? scanner_.Consumed() : 0));
    // An error: no login, no right to subscribe. Polling goes on without us.
    if (!reply || reply->IsError()) {
      Drop();
      return input.size();
    }
    taken += scanner_.Consumed();
    has_answered_ = true;
    if (protocol::IsSwitchOfMaster(PayloadOf(*reply), master_name_)) on_switch_();
  }
  return taken;
}

}  // namespace slotway::proxy
