// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_watch.h"

#include "protocol/sentinel_reply.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kChannel = "+switch-master";

// The payload of {"message", "+switch-master", payload}, or nothing.
std::string_view PayloadOf(const protocol::RespValue& reply) {
  const auto& elements = reply.elements;
  if (elements.size() != 3 || elements[0].text != "message" || elements[1].text != kChannel) {
    return {};
  }
  return elements[2].text;
}

}  // namespace

void SentinelWatch::Care() {
  if (IsUp() && !has_answered_) Drop();
  has_answered_ = false;
  if (IsUp()) {
    Send({"PING"});
    return;
  }
  Connect();
  Send({"SUBSCRIBE", kChannel});
}

void SentinelWatch::OnReply(const protocol::RespValue& reply) {
  // No right to subscribe: polling goes on without us.
  if (reply.IsError()) return Drop();
  has_answered_ = true;
  if (protocol::IsSwitchOfMaster(PayloadOf(reply), master_name_)) on_switch_();
}

}  // namespace slotway::proxy
