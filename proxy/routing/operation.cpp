// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/operation.h"

#include <string>
#include <vector>

#include "protocol/resp_writer.h"

namespace slotway::proxy {

Operation::Operation(const OperationContext& context)
    : ReplyTaker(context.queue, context.place),
      dispatcher_(context.dispatcher),
      settings_(context.settings),
      command_(context.request.id),
      lane_(context.lane) {
  Queue().AddHeldBack();
}

Operation::~Operation() { Queue().RemoveHeldBack(); }

void Operation::Send(protocol::Slot slot, Args args, std::size_t part, bool is_readonly) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, args);
  InFlight request;
  request.kind = InFlight::Kind::kPart;
  request.taker = this;
  request.place = static_cast<std::uint32_t>(part);
  request.slot = slot;
  request.command = command_;
  request.is_readonly = is_readonly;
  request.lane = lane_;
  if (!is_readonly) Queue().NoteWrite(slot);
  dispatcher_.Send(bytes, request);
}

void Operation::SendToEachMaster(Args args, bool is_readonly) {
  // A copy: an answer that comes at once may lead to a change of the map, or end the operation.
  std::vector<protocol::Slot> slots = dispatcher_.SlotOfEachMaster();
  for (std::size_t part = 0; part < slots.size(); ++part) {
    Send(slots[part], args, part, is_readonly);
  }
}

void Operation::Finish(std::string_view reply) {
  Queue().Deliver(Sequence(), reply);
  delete this;
}

void Operation::FinishWithError(std::string_view text) {
  std::string reply;
  protocol::StringSink sink{reply};
  protocol::RespWriter<protocol::StringSink>(sink, Version()).Error(text);
  Finish(reply);
}

}  // namespace slotway::proxy
