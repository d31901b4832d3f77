// SPDX-License-Identifier: Apache-2.0
// Commands about the keyspace as a whole, or about one slot of it.
#include "protocol/ascii.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {
namespace {

// Passes one request on and its reply back.
class PassOn final : public Operation {
 public:
  using Operation::Operation;
  void Begin(protocol::Slot slot, Args args) { Send(slot, args, 0, true); }
  void OnReply(std::size_t, std::string_view reply) override { Finish(reply); }
};

// COUNTKEYSINSLOT, GETKEYSINSLOT: only the slot's owner knows.
void AskOwnerOfSlot(const OperationContext& context) {
  auto number = protocol::ParseInteger(context.request.args[2]);
  // A shard finds the words for what is no slot.
  bool is_slot = number && *number >= 0 && *number < protocol::kSlotCount;
  protocol::Slot slot = is_slot ? static_cast<protocol::Slot>(*number) : protocol::Slot{0};
  (new PassOn(context))->Begin(slot, context.request.args);
}

bool Always(std::span<const std::string_view>) { return true; }

constexpr Composition kCompositions[] = {
    {.full_name = "cluster|countkeysinslot", .always = AskOwnerOfSlot},
    {.full_name = "cluster|getkeysinslot", .always = AskOwnerOfSlot},
    {.full_name = "randomkey", .always = StartRandomKey, .suits_lone_shard = Always},
    {.full_name = "scan", .always = StartScan},
};

}  // namespace

std::span<const Composition> KeyspaceCompositions() { return kCompositions; }

}  // namespace slotway::proxy
