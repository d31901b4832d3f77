// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/cross_slot.h"

#include <algorithm>

#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kTooLarge =
    "ERR The keys of this request are together larger than routing.cross_slot_bytes_max";

}  // namespace

std::optional<std::string> BulkOf(std::string_view reply) {
  auto value = protocol::ParseRespValue(reply);
  if (!value || value->kind != protocol::RespValue::Kind::kBulk) return std::nullopt;
  return std::move(value->text);
}

CrossSlotOperation::CrossSlotOperation(const OperationContext& context)
    : Operation(context), args_(context.request.args.begin(), context.request.args.end()) {
  protocol::ExtractKeys(*context.request.spec, context.request.args, keys_);
}

std::vector<std::string> CrossSlotOperation::DistinctKeys() const {
  std::vector<std::string> keys;
  for (const protocol::KeyPosition& key : keys_) {
    const std::string& name = args_[key.index];
    if (std::find(keys.begin(), keys.end(), name) == keys.end()) keys.push_back(name);
  }
  return keys;
}

void CrossSlotOperation::CheckFirst(const std::vector<std::string>& keys, bool probes_syntax) {
  checks_left_ = keys.size() + (probes_syntax ? 1 : 0);
  if (checks_left_ == 0) return Proceed();
  // All in one slot, wherever that is. The last answer may end the operation while it is sent.
  std::string tag = "{slotway:" + runtime::RandomHexId(32) + "}";
  if (probes_syntax) {
    Ask(kProbe, WithKeys([&](const std::string& key) { return tag + key; }), tag, true);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Ask(kFirstSize + i, {"MEMORY", "USAGE", keys[i], "SAMPLES", "5"}, keys[i], true);
  }
}

void CrossSlotOperation::Ask(std::size_t part, const std::vector<std::string>& args,
                             std::string_view key, bool is_readonly) {
  Send(Dispatch().SlotOf(key), args, part, is_readonly);
}

std::string CrossSlotOperation::NewName(protocol::Slot slot) {
  return "{" + std::string(protocol::TagOfSlot(slot)) + "}:slotway:" + runtime::RandomHexId(32);
}

std::uint64_t CrossSlotOperation::CopyTimeToLiveMs() const {
  constexpr std::uint64_t kAtLeastMs = 60'000;
  return kAtLeastMs + 4ull * Settings().hold.time_max_ms;
}

bool CrossSlotOperation::HasRoomFor(std::size_t bytes) {
  bytes_ += bytes;
  return bytes_ <= Settings().routing.cross_slot_bytes_max;
}

bool CrossSlotOperation::CountBytes(std::size_t bytes) {
  if (HasRoomFor(bytes)) return true;
  FinishWithError(kTooLarge);
  return false;
}

void CrossSlotOperation::OnReply(std::size_t part, std::string_view reply) {
  if (part >= kFirstPart) return TakeReply(part - kFirstPart, reply);
  if (part == kProbe) {
    if (reply.starts_with('-')) probe_error_ = reply;
  } else if (auto size = protocol::ParseIntegerReply(reply)) {
    // A server that does not tell sizes is held to the bound by what it sends.
    bytes_ += static_cast<std::uint64_t>(*size);
  }
  if (--checks_left_ > 0) return;
  if (!probe_error_.empty()) return OnWrongWords(std::move(probe_error_));
  if (!CountBytes()) return;
  bytes_ = 0;
  Proceed();
}

}  // namespace slotway::proxy
