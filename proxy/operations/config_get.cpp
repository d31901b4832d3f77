// SPDX-License-Identifier: Apache-2.0
// CONFIG GET: as one shard says it, less the passwords by which the proxy and the shards know each
// other, and with what the proxy has of its own.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {
namespace {

constexpr std::array<std::string_view, 4> kSecrets = {"masterauth", "requirepass",
                                                      "tls-client-key-file-pass",
                                                      "tls-key-file-pass"};

bool IsSecret(std::string_view name) {
  return std::ranges::any_of(kSecrets, [&](std::string_view secret) {
    return protocol::EqualsNoCase(name, secret);
  });
}

// What is no list of names and values goes through as it is: an error.
std::string AsTheProxySaysIt(std::string_view reply, const OwnSettings& own,
                             protocol::RespVersion version) {
  const auto value = protocol::ParseRespValue(reply);
  if (!value || value->elements.empty()) return std::string(reply);
  const auto& words = value->elements;
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::RespWriter<protocol::StringSink> writer(sink, version);
  writer.Map(words.size() / 2);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto ours = own.find(words[i].text);
    writer.Bulk(words[i].text);
    if (ours != own.end()) {
      writer.Bulk(ours->second);
    } else {
      writer.Bulk(IsSecret(words[i].text) ? std::string_view()
                                          : std::string_view(words[i + 1].text));
    }
  }
  return bytes;
}

class ConfigGet final : public Operation {
 public:
  ConfigGet(const OperationContext& context, OwnSettings own)
      : Operation(context), own_(std::move(own)) {}

  // A shard that can answer now, the first of them: always the same, as long as it can.
  void Begin(Args args) {
    const auto& slots = Dispatch().SlotOfEachMaster();
    const auto ready = std::ranges::find_if(slots, [this](protocol::Slot slot) {
      return Dispatch().ReadyConnection(slot, OwnLane()) != nullptr;
    });
    const protocol::Slot first = slots.empty() ? protocol::Slot{0} : slots.front();
    Send(ready == slots.end() ? first : *ready, args, 0, true);
  }
  void OnReply(std::size_t, std::string_view reply) override {
    Finish(AsTheProxySaysIt(reply, own_, Version()));
  }

 private:
  OwnSettings own_;
};

constexpr Composition kCompositions[] = {
    {.full_name = "config|get",
     .always = [](const OperationContext& context) { StartConfigGet(context, {}); }}};

}  // namespace

void StartConfigGet(const OperationContext& context, const OwnSettings& own) {
  (new ConfigGet(context, own))->Begin(context.request.args);
}

std::span<const Composition> ConfigGetCompositions() { return kCompositions; }

}  // namespace slotway::proxy
