// SPDX-License-Identifier: Apache-2.0
// What groups have delivered and nobody acknowledged: XACK, XPENDING.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/commands/stream_reply.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

void XackCommand(CommandContext& ctx) {
  auto opened = OpenToRead<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle || opened.handle->stream().FindGroup(ctx.args[2]) == nullptr) {
    ctx.reply.Integer(0);
    return;
  }
  // All or nothing: a bad id behind good ones must not leave half of the work done.
  std::vector<StreamId> ids;
  if (!ReadStreamIds(ctx, 3, ids)) return;
  const std::int64_t acknowledged = opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[2]);
    return std::count_if(ids.begin(), ids.end(),
                         [&group](StreamId id) { return group.Acknowledge(id); });
  });
  ctx.DataChanged(static_cast<std::uint64_t>(acknowledged));
  ctx.reply.Integer(acknowledged);
}

struct PendingQuery {
  std::int64_t idle_min_ms = 0;
  StreamId first;
  StreamId last;
  std::int64_t count = 0;
  std::optional<std::string_view> consumer;
};

// [IDLE ms] first last count [consumer]
bool ReadPendingQuery(CommandContext& ctx, PendingQuery& query) {
  const std::size_t words = ctx.args.size();
  if (words < 6 || words > 9) {
    ctx.SyntaxError();
    return false;
  }
  std::size_t first = 3;
  if (EqualsNoCase(ctx.args[3], "idle")) {
    if (!ReadInteger(ctx, 4, query.idle_min_ms)) return false;
    if (words < 8) {
      ctx.SyntaxError();
      return false;
    }
    first += 2;
  }
  if (!ReadInteger(ctx, first + 2, query.count) || !ReadRangeStart(ctx, first, query.first) ||
      !ReadRangeEnd(ctx, first + 1, query.last)) {
    return false;
  }
  if (first + 3 < words) query.consumer = ctx.args[first + 3];
  return true;
}

void ReplySummary(CommandContext& ctx, const StreamGroup& group) {
  const StreamGroup::Pending& pending = group.pending();
  ctx.reply.Array(4);
  ctx.reply.Integer(static_cast<std::int64_t>(pending.Size()));
  if (pending.IsEmpty()) {
    ctx.reply.Null();
    ctx.reply.Null();
    ctx.reply.NullArray();
    return;
  }
  StreamIdText text;
  auto last = pending.End();
  last.Previous();
  ctx.reply.Bulk(text.Print(pending.Begin().id()));
  ctx.reply.Bulk(text.Print(last.id()));
  const auto& consumers = group.consumers();
  const auto has_some = [](const auto& named) { return !named.second->pending.IsEmpty(); };
  ctx.reply.Array(
      static_cast<std::size_t>(std::count_if(consumers.begin(), consumers.end(), has_some)));
  for (const auto& [name, consumer] : consumers) {
    if (consumer->pending.IsEmpty()) continue;
    ctx.reply.Array(2);
    ctx.reply.Bulk(name);
    ctx.reply.BulkInteger(static_cast<std::int64_t>(consumer->pending.Size()));
  }
}

class PendingWriter {
 public:
  PendingWriter(CommandContext& ctx, const PendingQuery& query)
      : ctx_(ctx), query_(query), rows_(ctx) {}

  bool IsFull() const { return static_cast<std::int64_t>(written_) >= query_.count; }
  void Write(StreamId id, const PendingEntry& entry) {
    const std::int64_t idle_ms = ctx_.now_ms - entry.delivered_ms;
    if (query_.idle_min_ms != 0 && idle_ms < query_.idle_min_ms) return;
    rows_.writer().Array(4);
    rows_.Id(id);
    rows_.writer().Bulk(entry.consumer->name);
    rows_.writer().Integer(std::max<std::int64_t>(idle_ms, 0));
    rows_.writer().Integer(static_cast<std::int64_t>(entry.deliveries));
    ++written_;
  }
  void Reply() { ReplyArray(ctx_, written_, rows_); }

 private:
  CommandContext& ctx_;
  const PendingQuery& query_;
  StreamReplyBuffer rows_;
  std::size_t written_ = 0;
};

void ReplyPending(CommandContext& ctx, const StreamGroup& group, const PendingQuery& query) {
  PendingWriter writer(ctx, query);
  if (!query.consumer) {
    const auto& pending = group.pending();
    for (auto at = pending.LowerBound(query.first); at != pending.End(); at.Next()) {
      if (writer.IsFull() || at.id() > query.last) break;
      writer.Write(at.id(), at.value());
    }
  } else if (const StreamConsumer* consumer = group.FindConsumer(*query.consumer)) {
    const auto& ids = consumer->pending;
    for (auto at = ids.LowerBound(query.first); at != ids.End(); at.Next()) {
      if (writer.IsFull() || at.id() > query.last) break;
      writer.Write(at.id(), *group.FindPending(at.id()));
    }
  }
  writer.Reply();
}

void XpendingCommand(CommandContext& ctx) {
  const bool is_summary = ctx.args.size() == 3;
  PendingQuery query;
  if (!is_summary && !ReadPendingQuery(ctx, query)) return;
  auto opened = OpenToRead<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  const StreamGroup* group =
      opened.handle ? opened.handle->stream().FindGroup(ctx.args[2]) : nullptr;
  if (group == nullptr) {
    ctx.Error(NoStreamGroupError(ctx.args[1], ctx.args[2]));
  } else if (is_summary) {
    ReplySummary(ctx, *group);
  } else {
    ReplyPending(ctx, *group, query);
  }
}

}  // namespace

std::span<const HandlerRow> StreamPendingHandlers() {
  static constexpr HandlerRow kRows[] = {{"xack", &XackCommand}, {"xpending", &XpendingCommand}};
  return kRows;
}

}  // namespace slotway::storage
