// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/command_call.h"

#include <algorithm>
#include <iterator>

#include "protocol/command_table.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/monitor_feed.h"

namespace slotway::storage {

bool MayReplicate(const protocol::CommandSpec& spec) {
  static const protocol::CommandSpec* const kThese[] = {protocol::FindCommand("publish"),
                                                        protocol::FindCommand("spublish"),
                                                        protocol::FindCommand("pfcount")};
  return std::find(std::begin(kThese), std::end(kThese), &spec) != std::end(kThese);
}

bool MayStandInStream(const protocol::CommandSpec& spec) {
  using protocol::CommandFlag;
  if (spec.IsWrite() || MayReplicate(spec)) return true;
  // Which slots are hidden is part of the data.
  if (&spec == protocol::FindCommandByFullName("cluster|syncslots")) return true;
  if (spec.flags.Has(CommandFlag::kAdmin)) return false;
  if (!spec.flags.Has(CommandFlag::kNoscript)) return true;
  static const protocol::CommandSpec* const kTransaction[] = {protocol::FindCommand("multi"),
                                                              protocol::FindCommand("exec"),
                                                              protocol::FindCommand("discard")};
  return spec.categories.Has(protocol::AclCategory::kScripting) ||
         std::find(std::begin(kTransaction), std::end(kTransaction), &spec) !=
             std::end(kTransaction);
}

void ShowCommand(CommandContext& ctx) {
  if (ctx.server.tracking.IsOn()) RememberReads(ctx);
  if (!ctx.server.monitors.empty()) FeedMonitors(ctx);
}

void PropagateCommand(CommandContext& ctx, bool has_changed) {
  using Propagated = CommandContext::Propagated;
  Propagation& propagation = ctx.server.propagation;
  // Not EXEC and what runs scripts: the commands within have been added.
  const bool is_change = has_changed && (ctx.spec.IsWrite() || MayReplicate(ctx.spec));
  switch (ctx.propagation) {
    case Propagated::kByItself:
      break;
    case Propagated::kToReplicas:
      propagation.Add(ctx.client.db_index, ctx.args, Audience::kReplicas);
      break;
    case Propagated::kAnyway:
      propagation.Add(ctx.client.db_index, ctx.args, Audience::kAll);
      break;
    case Propagated::kIfChanged:
      if (is_change) propagation.Add(ctx.client.db_index, ctx.args, Audience::kAll);
      break;
  }
  if (ctx.server.calls_within != 0 || !propagation.HasUnit()) return;
  // What a walk over all keys found to be due has nothing to do with each other.
  static const protocol::CommandSpec* const kWalks[] = {protocol::FindCommand("scan"),
                                                        protocol::FindCommand("randomkey")};
  const bool is_walk =
      std::find(std::begin(kWalks), std::end(kWalks), &ctx.spec) != std::end(kWalks);
  is_walk ? propagation.EndUnits() : propagation.EndUnit();
}

bool CallWithin(ServerState& server, ClientState& client, const protocol::CommandSpec& spec,
                std::span<const std::string_view> args, runtime::ByteQueue& reply) {
  const protocol::CommandId id = protocol::IdOf(spec);
  const bool denied_waiting = client.denies_waiting;
  client.denies_waiting = true;
  ++server.calls_within;
  CommandContext ctx(server, client, spec, args, reply);
  CallCommand(ctx, server.handlers->Of(id), !spec.flags.Has(protocol::CommandFlag::kFast),
              server.stats.commands[id]);
  --server.calls_within;
  client.denies_waiting = denied_waiting;
  return !ctx.has_failed;
}

}  // namespace slotway::storage
