// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/in_flight.h"

#include <string>

#include "protocol/resp_writer.h"

namespace slotway::proxy {

void Answer(const InFlight& request, std::string_view reply) {
  if (request.is_held_back) request.Client().RemoveHeldBack();
  if (request.kind == InFlight::Kind::kReply) {
    request.queue->Deliver(request.place, reply);
  } else {
    request.taker->OnReply(request.place, reply);
  }
}

void AnswerError(const InFlight& request, std::string_view text) {
  std::string reply;
  protocol::StringSink sink{reply};
  protocol::RespWriter<protocol::StringSink>(sink, protocol::RespVersion::kResp2).Error(text);
  Answer(request, reply);
}

}  // namespace slotway::proxy
