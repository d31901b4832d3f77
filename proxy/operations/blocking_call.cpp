// SPDX-License-Identifier: Apache-2.0
// BLPOP and all others that wait at a shard for something to happen to a key.
#include <string>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/private_call.h"

namespace slotway::proxy {
namespace {

class BlockingCall final : public PrivateCall {
 public:
  static void Start(const OperationContext& context) { (new BlockingCall(context))->Begin(); }

 private:
  explicit BlockingCall(const OperationContext& context) : PrivateCall(context, {context.slot}) {}

  void OnLegReply(std::string_view reply, std::size_t) override { End(reply); }
  std::string TimeoutReply() const override {
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink>(sink, Version()).NullArray();
    return reply;
  }
};

}  // namespace

std::vector<Composition> BlockingCompositions() {
  std::vector<Composition> compositions;
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    bool is_blocking = spec.flags.Has(protocol::CommandFlag::kBlocking);
    if (!is_blocking || spec.key_specs.empty()) continue;
    compositions.push_back({.full_name = spec.name, .when_blocking = BlockingCall::Start});
  }
  return compositions;
}

}  // namespace slotway::proxy
