// SPDX-License-Identifier: Apache-2.0
// CONFIG SET: on every master, but for settings by which the proxy itself would lose the shards.
#include <array>

#include "protocol/ascii.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/fan_out.h"

namespace slotway::proxy {
namespace {

constexpr std::array<std::string_view, 8> kNotThroughTheProxy = {
    "aclfile", "bind", "port", "requirepass", "tls-auth-clients", "tls-cluster", "tls-port",
    "unixsocket",
};

class RefuseSetting final : public Operation {
 public:
  using Operation::Operation;
  void Refuse(std::string_view name) {
    FinishWithError("ERR CONFIG SET failed (possibly related to argument '" + std::string(name) +
                    "') - the proxy would lose its shards: ask the nodes directly");
  }
  void OnReply(std::size_t, std::string_view) override {}
};

// The first setting that the proxy does not change; empty: none.
std::string_view RefusedName(std::span<const std::string_view> args) {
  for (std::size_t i = 2; i < args.size(); i += 2) {
    for (std::string_view name : kNotThroughTheProxy) {
      if (protocol::EqualsNoCase(args[i], name)) return args[i];
    }
  }
  return {};
}

bool IsCarriedOut(std::span<const std::string_view> args) { return RefusedName(args).empty(); }

constexpr Composition kCompositions[] = {
    {.full_name = "config|set", .always = StartConfigSet, .suits_lone_shard = IsCarriedOut}};

}  // namespace

void StartConfigSet(const OperationContext& context) {
  std::string_view refused = RefusedName(context.request.args);
  if (!refused.empty()) return (new RefuseSetting(context))->Refuse(refused);
  FanOut::Start(context, {});
}

std::span<const Composition> ConfigCompositions() { return kCompositions; }

}  // namespace slotway::proxy
