// SPDX-License-Identifier: Apache-2.0
// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and what undoes them, PUBLISH, SPUBLISH, PUBSUB.
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error_text.h"
#include "protocol/glob.h"
#include "protocol/pubsub_reply.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/pubsub_message.h"

namespace slotway::storage {
namespace {

template <ChannelKind kKind>
void Confirm(CommandContext& ctx, ReplyWriter& reply, const std::string_view* name) {
  const Subscriptions* subscriptions = ctx.client.subscriptions.get();
  protocol::WriteConfirmation(reply, ctx.spec.name, name,
                              subscriptions != nullptr ? subscriptions->ConfirmedCount(kKind) : 0);
}

template <ChannelKind kKind>
void JoinChannels(CommandContext& ctx) {
  ReplyWriter reply = ctx.LoudReply();
  for (std::string_view name : ctx.args.subspan(1)) {
    ctx.server.pubsub.Join(ctx.client, kKind, name);
    Confirm<kKind>(ctx, reply, &name);
  }
}

template <ChannelKind kKind>
void LeaveChannels(CommandContext& ctx) {
  ReplyWriter reply = ctx.LoudReply();
  std::vector<std::string> all;
  std::vector<std::string_view> names(ctx.args.begin() + 1, ctx.args.end());
  if (names.empty() && ctx.client.subscriptions) {
    all = ctx.client.subscriptions->Names(kKind);
    names.assign(all.begin(), all.end());
  }
  if (names.empty()) Confirm<kKind>(ctx, reply, nullptr);
  for (std::string_view name : names) {
    ctx.server.pubsub.Leave(ctx.client, kKind, name);
    Confirm<kKind>(ctx, reply, &name);
  }
}

template <ChannelKind kKind>
void PublishCommand(CommandContext& ctx) {
  const std::size_t told = PublishMessage(ctx.server, kKind, ctx.args[1], ctx.args[2]);
  // In a cluster its bus brings it to everybody.
  if (ctx.server.cluster.publish) {
    ctx.server.cluster.publish(ctx.args[1], ctx.args[2], kKind == ChannelKind::kShard);
  } else {
    ctx.PropagateToReplicas();
  }
  ctx.reply.Integer(static_cast<std::int64_t>(told));
}

template <ChannelKind kKind>
void ListChannels(CommandContext& ctx) {
  if (ctx.args.size() > 3) {
    ctx.Error(protocol::error_text::WrongSubcommandUse("pubsub", ctx.args[1]));
    return;
  }
  std::vector<std::string_view> names;
  ctx.server.pubsub.ForEach(kKind, [&](const PubsubChannel& channel) {
    const bool is_wanted = ctx.args.size() == 2 || protocol::GlobMatches(ctx.args[2], channel.name);
    if (is_wanted) names.push_back(channel.name);
  });
  ctx.reply.Array(names.size());
  for (std::string_view name : names) ctx.reply.Bulk(name);
}

template <ChannelKind kKind>
void CountMembers(CommandContext& ctx) {
  const auto names = ctx.args.subspan(2);
  ctx.reply.Array(2 * names.size());
  for (std::string_view name : names) {
    ctx.reply.Bulk(name);
    ctx.reply.Integer(static_cast<std::int64_t>(ctx.server.pubsub.MemberCount(kKind, name)));
  }
}

void CountPatterns(CommandContext& ctx) {
  ctx.reply.Integer(static_cast<std::int64_t>(ctx.server.pubsub.Count(ChannelKind::kPattern)));
}

void PubsubHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "CHANNELS [<pattern>]",
      "    Channels that somebody listens to, all or those that match.",
      "NUMPAT",
      "    How many patterns are listened to.",
      "NUMSUB [<channel> ...]",
      "    How many listen to each channel; patterns do not count.",
      "SHARDCHANNELS [<pattern>]",
      "    The same as CHANNELS for shard channels.",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    The same as NUMSUB for shard channels.",
  };
  ReplyHelp(ctx, "PUBSUB", kLines);
}

}  // namespace

std::span<const HandlerRow> PubsubHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"subscribe", &JoinChannels<ChannelKind::kChannel>},
      {"psubscribe", &JoinChannels<ChannelKind::kPattern>},
      {"ssubscribe", &JoinChannels<ChannelKind::kShard>},
      {"unsubscribe", &LeaveChannels<ChannelKind::kChannel>},
      {"punsubscribe", &LeaveChannels<ChannelKind::kPattern>},
      {"sunsubscribe", &LeaveChannels<ChannelKind::kShard>},
      {"publish", &PublishCommand<ChannelKind::kChannel>},
      {"spublish", &PublishCommand<ChannelKind::kShard>},
      {"pubsub|channels", &ListChannels<ChannelKind::kChannel>},
      {"pubsub|shardchannels", &ListChannels<ChannelKind::kShard>},
      {"pubsub|numsub", &CountMembers<ChannelKind::kChannel>},
      {"pubsub|shardnumsub", &CountMembers<ChannelKind::kShard>},
      {"pubsub|numpat", &CountPatterns},
      {"pubsub|help", &PubsubHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
