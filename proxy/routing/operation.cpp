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

namespace {

std::string BytesOf(std::span<const std::string_view> args) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, args);
  return bytes;
}

}  // namespace

InFlight Operation::Describe(std::size_t part) {
  InFlight request;
  request.kind = InFlight::Kind::kPart;
  request.taker = this;
  request.place = static_cast<std::uint32_t>(part);
  request.command = command_;
  request.lane = lane_;
  return request;
}

void Operation::Send(protocol::Slot slot, Args args, std::size_t part, bool is_readonly) {
  InFlight request = Describe(part);
  request.slot = slot;
  request.is_readonly = is_readonly;
  if (!is_readonly) Queue().NoteWrite(slot);
  dispatcher_.SendInLine(BytesOf(args), request);
}

bool Operation::SendToNode(NodeIndex node, Args args, std::size_t part) {
  return dispatcher_.SendToNode(node, BytesOf(args), Describe(part));
}

void Operation::TryLater(protocol::Slot slot, std::size_t part, std::string_view error) {
  if (tries_ < 255) ++tries_;
  dispatcher_.Await(slot, lane_, *this, part, error, dispatcher_.BackoffMs(tries_),
                    waiting_since_ms_);
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
