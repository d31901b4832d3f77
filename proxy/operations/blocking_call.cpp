// SPDX-License-Identifier: Apache-2.0
// BLPOP and all others that wait at a shard for something to happen to a key.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/error_reply.h"
#include "protocol/key_extraction.h"
#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/private_call.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kNoStream = "ERR no such key";

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

// XREAD that waits for what comes after the last entry, whichever that is: "$". A call that is sent
// anew to another shard would pass over what came in between. So the last entry's id is asked for
// first and takes the place of "$".
class TailRead final : public Operation {
 public:
  static void StartOrBlock(const OperationContext& context) {
    std::vector<Tail> tails = TailsOf(context.request);
    if (tails.empty()) return BlockingCall::Start(context);
    (new TailRead(context, std::move(tails)))->Begin();
  }

  void OnReply(std::size_t part, std::string_view reply) override {
    if (std::string id = LastIdOf(reply); !id.empty()) words_[tails_[part].id] = id;
    if (--left_ > 0) return;
    std::vector<std::string_view> args(words_.begin(), words_.end());
    Request request{args, {}, spec_, protocol::IdOf(*spec_)};
    BlockingCall::Start(
        {Dispatch(), Settings(), request, Queue(), Sequence(), OwnLane(), slot_});
    delete this;
  }

 private:
  // Places among the arguments.
  struct Tail {
    std::size_t key;
    std::size_t id;
  };

  TailRead(const OperationContext& context, std::vector<Tail> tails)
      : Operation(context),
        spec_(context.request.spec),
        slot_(context.slot),
        words_(context.request.args.begin(), context.request.args.end()),
        tails_(std::move(tails)),
        left_(tails_.size()) {}

  void Begin() {
    std::vector<std::string> keys;
    for (const Tail& tail : tails_) keys.push_back(words_[tail.key]);
    // The last answer may end the operation while it is sent.
    protocol::Slot slot = slot_;
    for (std::size_t i = 0; i < keys.size(); ++i) Send(slot, {"XINFO", "STREAM", keys[i]}, i, true);
  }

  // The ids stand behind the keys, in their order. XREADGROUP has no use for "$".
  static std::vector<Tail> TailsOf(const Request& request) {
    std::vector<Tail> tails;
    std::vector<protocol::KeyPosition> keys;
    bool is_stream_read =
        request.spec->key_finder == protocol::KeyFinder::kStreams && request.spec->IsReadonly();
    if (!is_stream_read || protocol::ExtractKeys(*request.spec, request.args, keys) !=
                               protocol::KeyExtractionError::kNone) {
      return tails;
    }
    for (const protocol::KeyPosition& key : keys) {
      std::size_t id = key.index + keys.size();
      if (id < request.args.size() && request.args[id] == "$") tails.push_back({key.index, id});
    }
    return tails;
  }

  // Nothing if "$" has to stay: the shard then says what is wrong with the key.
  static std::string LastIdOf(std::string_view reply) {
    if (protocol::ErrorTextOf(reply) == kNoStream) return "0-0";
    auto info = protocol::ParseRespValue(reply);
    if (!info) return {};
    for (std::size_t i = 0; i + 1 < info->elements.size(); i += 2) {
      if (info->elements[i].text == "last-generated-id") return info->elements[i + 1].text;
    }
    return {};
  }

  const protocol::CommandSpec* spec_;
  protocol::Slot slot_;
  std::vector<std::string> words_;
  std::vector<Tail> tails_;
  std::size_t left_;
};

}  // namespace

std::vector<Composition> BlockingCompositions() {
  std::vector<Composition> compositions;
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    bool is_blocking = spec.flags.Has(protocol::CommandFlag::kBlocking);
    if (!is_blocking || spec.key_specs.empty()) continue;
    compositions.push_back({.full_name = spec.name, .when_blocking = TailRead::StartOrBlock});
  }
  return compositions;
}

}  // namespace slotway::proxy
