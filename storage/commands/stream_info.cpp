// SPDX-License-Identifier: Apache-2.0
// XINFO: what is known of streams, their groups and consumers.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/commands/stream_reply.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

void NumberField(CommandContext& ctx, std::string_view name, std::uint64_t number) {
  ctx.reply.Bulk(name);
  ctx.reply.Integer(static_cast<std::int64_t>(number));
}

void TimeField(CommandContext& ctx, std::string_view name, std::int64_t time_ms) {
  ctx.reply.Bulk(name);
  ctx.reply.Integer(time_ms);
}

void IdField(CommandContext& ctx, std::string_view name, StreamId id) {
  StreamIdText text;
  ctx.reply.Bulk(name);
  ctx.reply.Bulk(text.Print(id));
}

// The stream in args[2]; answers an error if there is none.
OpenedKey<StreamHandle> OpenToInspect(CommandContext& ctx) {
  auto opened = OpenToRead<StreamHandle>(ctx, 2);
  if (!opened.handle && !opened.is_wrong_type) ctx.Error(protocol::error_text::kNoSuchKey);
  return opened;
}

// The fields that both forms of XINFO STREAM begin with.
void CommonFields(CommandContext& ctx, const StreamValue& stream) {
  const StreamValue::Counters& counters = stream.counters();
  NumberField(ctx, "length", stream.Length());
  NumberField(ctx, "radix-tree-keys", stream.nodes().Size());
  NumberField(ctx, "radix-tree-nodes", stream.nodes().Size() + 1);
  IdField(ctx, "last-generated-id", counters.last_id);
  IdField(ctx, "max-deleted-entry-id", counters.max_deleted_id);
  NumberField(ctx, "entries-added", counters.entries_added);
  IdField(ctx, "recorded-first-entry-id", counters.first_id);
}

void EndEntryField(CommandContext& ctx, std::string_view name, const StreamValue& stream,
                   bool is_last) {
  ctx.reply.Bulk(name);
  StreamReplyBuffer entry(ctx);
  if (entry.Range(stream, {}, StreamId::Max(), 1, is_last) == 0) {
    ctx.reply.Null();
  } else {
    ctx.output.Append(entry.bytes());
  }
}

void ReplyOverview(CommandContext& ctx, const StreamValue& stream) {
  ctx.reply.Map(10);
  CommonFields(ctx, stream);
  NumberField(ctx, "groups", stream.groups().size());
  EndEntryField(ctx, "first-entry", stream, false);
  EndEntryField(ctx, "last-entry", stream, true);
}

void ProgressFields(CommandContext& ctx, const StreamValue& stream, const StreamGroup& group) {
  ctx.reply.Bulk("entries-read");
  if (group.entries_read == StreamGroup::kUnknownEntriesRead) {
    ctx.reply.Null();
  } else {
    ctx.reply.Integer(group.entries_read);
  }
  ctx.reply.Bulk("lag");
  if (const auto lag = stream.LagOf(group)) {
    ctx.reply.Integer(*lag);
  } else {
    ctx.reply.Null();
  }
}

// How many of `size` are shown when `count` are wanted; 0 means all.
std::size_t Shown(std::size_t size, std::size_t count) {
  return count == 0 ? size : std::min(size, count);
}

void ReplyConsumerInFull(CommandContext& ctx, const StreamGroup& group,
                         const StreamConsumer& consumer, std::size_t count) {
  ctx.reply.Map(5);
  ctx.reply.Bulk("name");
  ctx.reply.Bulk(consumer.name);
  TimeField(ctx, "seen-time", consumer.seen_ms);
  TimeField(ctx, "active-time", consumer.active_ms);
  NumberField(ctx, "pel-count", consumer.pending.Size());
  ctx.reply.Bulk("pending");
  std::size_t left = Shown(consumer.pending.Size(), count);
  ctx.reply.Array(left);
  StreamIdText text;
  for (auto at = consumer.pending.Begin(); left > 0; at.Next(), --left) {
    const PendingEntry& entry = *group.FindPending(at.id());
    ctx.reply.Array(3);
    ctx.reply.Bulk(text.Print(at.id()));
    ctx.reply.Integer(entry.delivered_ms);
    ctx.reply.Integer(static_cast<std::int64_t>(entry.deliveries));
  }
}

void ReplyGroupInFull(CommandContext& ctx, const StreamValue& stream, std::string_view name,
                      const StreamGroup& group, std::size_t count) {
  ctx.reply.Map(7);
  ctx.reply.Bulk("name");
  ctx.reply.Bulk(name);
  IdField(ctx, "last-delivered-id", group.last_delivered);
  ProgressFields(ctx, stream, group);
  NumberField(ctx, "pel-count", group.pending().Size());
  ctx.reply.Bulk("pending");
  std::size_t left = Shown(group.pending().Size(), count);
  ctx.reply.Array(left);
  StreamIdText text;
  for (auto at = group.pending().Begin(); left > 0; at.Next(), --left) {
    const PendingEntry& entry = at.value();
    ctx.reply.Array(4);
    ctx.reply.Bulk(text.Print(at.id()));
    ctx.reply.Bulk(entry.consumer->name);
    ctx.reply.Integer(entry.delivered_ms);
    ctx.reply.Integer(static_cast<std::int64_t>(entry.deliveries));
  }
  ctx.reply.Bulk("consumers");
  ctx.reply.Array(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    ReplyConsumerInFull(ctx, group, *consumer, count);
  }
}

void ReplyInFull(CommandContext& ctx, const StreamValue& stream, std::size_t count) {
  ctx.reply.Map(9);
  CommonFields(ctx, stream);
  ctx.reply.Bulk("entries");
  StreamReplyBuffer entries(ctx);
  const std::size_t written = entries.Range(stream, {}, StreamId::Max(), count, false);
  ReplyArray(ctx, written, entries);
  ctx.reply.Bulk("groups");
  ctx.reply.Array(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) {
    ReplyGroupInFull(ctx, stream, name, *group, count);
  }
}

void XinfoStreamCommand(CommandContext& ctx) {
  constexpr std::int64_t kDefaultCount = 10;
  auto opened = OpenToInspect(ctx);
  if (!opened.handle) return;
  const std::size_t words = ctx.args.size() - 3;
  if (words == 0) {
    ReplyOverview(ctx, opened.handle->stream());
    return;
  }
  const bool has_count = words == 3;
  if ((words != 1 && !has_count) || !EqualsNoCase(ctx.args[3], "full") ||
      (has_count && !EqualsNoCase(ctx.args[4], "count"))) {
    ctx.SubcommandError("XINFO");
    return;
  }
  std::int64_t count = kDefaultCount;
  if (has_count && !ReadInteger(ctx, 5, count)) return;
  if (count < 0) count = kDefaultCount;
  ReplyInFull(ctx, opened.handle->stream(), static_cast<std::size_t>(count));
}

void XinfoGroupsCommand(CommandContext& ctx) {
  auto opened = OpenToInspect(ctx);
  if (!opened.handle) return;
  const StreamValue& stream = opened.handle->stream();
  ctx.reply.Array(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) {
    ctx.reply.Map(6);
    ctx.reply.Bulk("name");
    ctx.reply.Bulk(name);
    NumberField(ctx, "consumers", group->consumers().size());
    NumberField(ctx, "pending", group->pending().Size());
    IdField(ctx, "last-delivered-id", group->last_delivered);
    ProgressFields(ctx, stream, *group);
  }
}

void XinfoConsumersCommand(CommandContext& ctx) {
  auto opened = OpenToInspect(ctx);
  if (!opened.handle) return;
  const StreamGroup* group = opened.handle->stream().FindGroup(ctx.args[3]);
  if (group == nullptr) {
    ctx.Error(NoGroupOfKeyError(ctx.args[3], ctx.args[2]));
    return;
  }
  ctx.reply.Array(group->consumers().size());
  for (const auto& [name, consumer] : group->consumers()) {
    ctx.reply.Map(4);
    ctx.reply.Bulk("name");
    ctx.reply.Bulk(name);
    NumberField(ctx, "pending", consumer->pending.Size());
    TimeField(ctx, "idle", std::max<std::int64_t>(ctx.now_ms - consumer->seen_ms, 0));
    TimeField(ctx, "inactive",
              consumer->active_ms == StreamConsumer::kNeverActive
                  ? StreamConsumer::kNeverActive
                  : std::max<std::int64_t>(ctx.now_ms - consumer->active_ms, 0));
  }
}

void XinfoHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "CONSUMERS <key> <group>",
      "    The consumers of a group: what is pending with them, when they came last.",
      "GROUPS <key>",
      "    The groups of a stream: what they have read, what they have still to read.",
      "STREAM <key> [FULL [COUNT <count>]]",
      "    A stream, on request with its entries, groups and consumers.",
  };
  ReplyHelp(ctx, "XINFO", kLines);
}

}  // namespace

std::span<const HandlerRow> StreamInfoHandlers() {
  static constexpr HandlerRow kRows[] = {{"xinfo|stream", &XinfoStreamCommand},
                                         {"xinfo|groups", &XinfoGroupsCommand},
                                         {"xinfo|consumers", &XinfoConsumersCommand},
                                         {"xinfo|help", &XinfoHelpCommand}};
  return kRows;
}

}  // namespace slotway::storage
