// SPDX-License-Identifier: Apache-2.0
#include "storage/server/executor.h"

#include <string>

#include "protocol/cross_protocol.h"
#include "protocol/slot.h"
#include "runtime/clock.h"
#include "storage/commands/command_context.h"
#include "storage/server/cluster_gateway.h"

namespace slotway::storage {

using protocol::CommandFlag;
using protocol::CommandSpec;

Executor::Executor(ServerState& server, const HandlerTable& handlers, ClusterGateway* cluster)
    : server_(server),
      handlers_(handlers),
      cluster_(cluster),
      traits_(protocol::CommandCount()),
      waiting_(server, handlers) {
  for (std::size_t id = 0; id < traits_.size(); ++id) {
    auto command_id = static_cast<protocol::CommandId>(id);
    const CommandSpec& spec = protocol::CommandById(command_id);
    CommandTraits& traits = traits_[id];
    traits.handler = handlers_.Of(command_id);
    traits.first_key = static_cast<std::uint8_t>(spec.first_key);
    if (!spec.key_specs.empty() || spec.first_key != 0) {
      bool is_one = spec.first_key > 0 && spec.last_key == spec.first_key &&
                    spec.key_specs.size() <= 1 && !spec.flags.Has(CommandFlag::kMovablekeys);
      traits.key_shape = is_one ? KeyShape::kOne : KeyShape::kSeveral;
    }
    traits.has_movable_keys = spec.flags.Has(CommandFlag::kMovablekeys);
    traits.needs_authentication = !spec.flags.Has(CommandFlag::kNoAuth);
    traits.is_denied_when_full = spec.flags.Has(CommandFlag::kDenyoom);
    traits.is_timed_alone = !spec.flags.Has(CommandFlag::kFast);
  }
}

Request Executor::Prepare(std::span<const std::string_view> args) const {
  Request request{args, protocol::FindCommand(args)};
  if (request.spec == nullptr) return request;
  std::size_t first_key = traits_[protocol::IdOf(*request.spec)].first_key;
  if (first_key != 0 && first_key < args.size()) {
    request.key_index = first_key;
    request.slot = protocol::SlotOfKey(args[first_key]);
  }
  return request;
}

void Executor::Execute(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  bool was_asking = client.is_asking;
  if (client.reply_mode == ReplyMode::kOn) [[likely]] {
    Run(client, request, output);
  } else {
    Silence(client, request);
  }
  if (was_asking) client.is_asking = false;  // it counted for this command only
  if (server_.waiters.HasReady()) [[unlikely]]
    waiting_.ServeReady();
}

// CLIENT REPLY OFF and SKIP: the command runs, nobody hears. CLIENT REPLY ON speaks again by
// itself.
void Executor::Silence(ClientState& client, const Request& request) {
  Run(client, request, discarded_);
  discarded_.Clear();
  if (client.is_waiting) return;  // SKIP concerns the answer that is still to come
  if (client.reply_mode == ReplyMode::kSkipThis) {
    client.reply_mode = ReplyMode::kOn;
  } else if (client.reply_mode == ReplyMode::kSkipNext) {
    client.reply_mode = ReplyMode::kSkipThis;
  }
}

void Executor::Run(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  static constexpr CommandSpec kUnknown{.name = "", .arity = -1, .flags = {}, .categories = {}};
  const CommandSpec& spec = request.spec != nullptr ? *request.spec : kUnknown;
  CommandContext ctx(server_, client, spec, request.args, output);
  if (request.spec == nullptr || !spec.subcommands.empty()) [[unlikely]] {
    if (RefuseUnknown(ctx, request)) return;
  }
  auto id = protocol::IdOf(spec);
  const CommandTraits& traits = traits_[id];
  CommandStats& stats = server_.stats.commands[id];
  if (!spec.ArityFits(request.args.size())) [[unlikely]] {
    ++stats.rejected_calls;
    ctx.ArityError();
    return;
  }
  if (!client.is_authenticated && traits.needs_authentication) [[unlikely]] {
    ++stats.rejected_calls;
    ctx.Error(protocol::error_text::kNoAuth);
    return;
  }
  if (cluster_ != nullptr && traits.key_shape != KeyShape::kNone) {
    bool is_here = traits.key_shape == KeyShape::kOne && cluster_->ServesDirectly(request.slot);
    if (!is_here && RedirectedElsewhere(ctx, request, traits.key_shape)) {
      ++stats.rejected_calls;
      return;
    }
  }
  if (traits.is_denied_when_full && server_.IsOverMemoryLimit()) [[unlikely]] {
    ++stats.rejected_calls;
    ctx.Error(protocol::error_text::kOom);
    return;
  }
  if (request.key_index != 0) {
    ctx.KnowSlot(request.key_index, request.slot, cluster_ != nullptr && !traits.has_movable_keys);
  }
  Call(ctx, traits, stats);
}

void Executor::Call(CommandContext& ctx, const CommandTraits& traits, CommandStats& stats) {
  ClientState& client = ctx.client;
  std::uint64_t changes_before = server_.changes;
  client.last_command = &ctx.spec;
  ++stats.calls;
  ++server_.stats.commands_processed;
  const std::uint32_t weight = traits.is_timed_alone ? 1 : server_.timing.WeightOfFast();
  if (weight > 0) {
    std::uint64_t start_ns = runtime::MonotonicNs();
    traits.handler(ctx);
    std::uint64_t taken_ns = runtime::MonotonicNs() - start_ns;
    if (traits.is_timed_alone) server_.RefreshClock();
    server_.timing.Ran(ctx, stats, taken_ns, weight);
  } else {
    traits.handler(ctx);
  }
  if (ctx.has_failed) ++stats.failed_calls;
  server_.changes_since_save += server_.changes - changes_before;
}

bool Executor::RefuseUnknown(CommandContext& ctx, const Request& request) {
  if (request.spec == nullptr) {
    // A browser that was lured into speaking to us: no answer that a script could use.
    if (protocol::IsWebRequest(request.args)) {
      ctx.client.closes_after_reply = true;
      return true;
    }
    ctx.Error(protocol::error_text::UnknownCommand(request.args));
    return true;
  }
  if (request.args.size() < 2) return false;
  ctx.Error(protocol::error_text::UnknownSubcommand(request.args[0], request.args[1]));
  return true;
}

bool Executor::RedirectedElsewhere(CommandContext& ctx, const Request& request, KeyShape shape) {
  if (shape == KeyShape::kOne) {
    keys_.assign(1, {static_cast<std::uint32_t>(request.key_index), {}});
  } else if (protocol::ExtractKeys(*request.spec, request.args, keys_) !=
             protocol::KeyExtractionError::kNone) {
    return false;  // the command itself says what is wrong with its arguments
  }
  std::string error = cluster_->ErrorFor(ctx, keys_);
  if (error.empty()) return false;
  ctx.Error(error);
  return true;
}

}  // namespace slotway::storage
