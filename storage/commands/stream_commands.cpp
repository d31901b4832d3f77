// SPDX-License-Identifier: Apache-2.0
// Entries of streams: XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/commands/stream_propagation.h"
#include "storage/commands/stream_reply.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNotGreater =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";

// The id of the entry to add; nothing when the sequence number that "5-*" asks for is used up.
std::optional<StreamId> NewId(const std::optional<StreamIdArgument>& given, StreamId last_id,
                              std::int64_t now_ms) {
  if (!given) {
    const auto ms = static_cast<std::uint64_t>(now_ms);
    return ms > last_id.ms ? StreamId{ms, 0} : last_id.Next();
  }
  if (given->has_sequence || given->id.ms != last_id.ms) return given->id;
  if (last_id.seq == StreamId::kMaxPart) return std::nullopt;
  return StreamId{last_id.ms, last_id.seq + 1};
}

// Returns how many entries were removed.
std::uint64_t TrimAndTell(CommandContext& ctx, StreamHandle& handle, const StreamTrim& trim,
                          const KeyRef& key) {
  const auto removed = handle.Change([&](StreamValue& stream) { return stream.Trim(trim); });
  if (removed > 0) ctx.KeyChanged(key, config::kNotifyStream, "xtrim");
  return removed;
}

void XaddCommand(CommandContext& ctx) {
  StreamTrimArguments arguments;
  if (!ReadStreamTrim(ctx, true, arguments)) return;
  const auto pairs = ctx.args.subspan(std::min(arguments.id_index + 1, ctx.args.size()));
  if (pairs.size() < 2 || pairs.size() % 2 == 1) {
    ctx.ArityError();
    return;
  }
  const auto& given = arguments.given;
  if (given && given->has_sequence && given->id.IsZero()) {
    ctx.Error("ERR The ID specified in XADD must be greater than 0-0");
    return;
  }
  auto opened = OpenToWrite<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle && arguments.only_if_present) {
    ctx.reply.Null();
    return;
  }
  const StreamId last_id = opened.handle ? opened.handle->stream().counters().last_id : StreamId{};
  if (last_id == StreamId::Max()) {
    ctx.Error("ERR The stream has exhausted the last possible ID, unable to add more items");
    return;
  }
  const auto id = NewId(given, last_id, ctx.now_ms);
  if (!id || *id <= last_id) {
    ctx.Error(kNotGreater);
    return;
  }
  std::size_t bytes = 0;
  for (std::string_view text : pairs) bytes += text.size();
  if (bytes > kStreamNodeBytesMax) {
    ctx.Error("ERR Elements are too large to be stored");
    return;
  }
  const KeyRef key = ctx.Key(1);
  StreamHandle handle = HandleOrNew(ctx, opened, key);
  handle.Change(
      [&](StreamValue& stream) { stream.Append(*id, pairs, StreamLimitsOf(ctx.server.Config())); });
  StreamIdText text;
  ctx.reply.Bulk(text.Print(*id));
  ctx.KeyChanged(key, config::kNotifyStream, "xadd");
  if (arguments.trim.kind != StreamTrim::Kind::kNone) {
    TrimAndTell(ctx, handle, arguments.trim, key);
  }
  PropagateStreamChange(ctx, arguments, handle.stream(), text.Print(*id));
}

void XlenCommand(CommandContext& ctx) {
  auto opened = OpenToRead<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle ? static_cast<std::int64_t>(opened.handle->stream().Length())
                                  : 0);
}

void ReplyRange(CommandContext& ctx, bool is_backwards) {
  StreamId first;
  StreamId last;
  if (!ReadRangeStart(ctx, is_backwards ? 3 : 2, first) ||
      !ReadRangeEnd(ctx, is_backwards ? 2 : 3, last)) {
    return;
  }
  std::optional<std::int64_t> count;
  ArgumentReader reader(ctx, 4);
  while (reader.HasMore()) {
    if (reader.TakeWord("count", 1)) {
      count = std::max<std::int64_t>(reader.TakeInteger(), 0);
    } else {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return;
  auto opened = OpenToRead<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Array(0);
    return;
  }
  if (count == 0) {
    ctx.reply.NullArray();
    return;
  }
  StreamReplyBuffer entries(ctx);
  const std::size_t written =
      entries.Range(opened.handle->stream(), first, last,
                    static_cast<std::size_t>(count.value_or(0)), is_backwards);
  ReplyArray(ctx, written, entries);
}

void XrangeCommand(CommandContext& ctx) { ReplyRange(ctx, false); }
void XrevrangeCommand(CommandContext& ctx) { ReplyRange(ctx, true); }

void XdelCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Integer(0);
    return;
  }
  // All or nothing: a bad id behind good ones must not leave half of the work done.
  std::vector<StreamId> ids;
  if (!ReadStreamIds(ctx, 2, ids)) return;
  const std::int64_t deleted = opened.handle->Change([&ids](StreamValue& stream) {
    std::int64_t count = 0;
    for (const StreamId id : ids) count += stream.Delete(id) ? 1 : 0;
    return count;
  });
  if (deleted > 0) ctx.KeyChanged(ctx.Key(1), config::kNotifyStream, "xdel");
  ctx.reply.Integer(deleted);
}

void XtrimCommand(CommandContext& ctx) {
  StreamTrimArguments arguments;
  if (!ReadStreamTrim(ctx, false, arguments)) return;
  auto opened = OpenToWrite<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::uint64_t removed = 0;
  if (opened.handle) {
    removed = TrimAndTell(ctx, *opened.handle, arguments.trim, ctx.Key(1));
    if (removed > 0) PropagateStreamChange(ctx, arguments, opened.handle->stream(), {});
  }
  ctx.reply.Integer(static_cast<std::int64_t>(removed));
}

struct StreamState {
  StreamId last_id;
  std::optional<std::int64_t> entries_added;
  StreamId max_deleted_id;
};

bool ReadStreamState(CommandContext& ctx, StreamState& state) {
  if (!ReadStreamId(ctx, 2, state.last_id)) return false;
  ArgumentReader reader(ctx, 3);
  while (reader.HasMore()) {
    if (reader.TakeWord("entriesadded", 1)) {
      state.entries_added = reader.TakeInteger();
      if (*state.entries_added < 0) reader.Fail("ERR entries_added must be positive");
    } else if (reader.TakeWord("maxdeletedid", 1)) {
      if (!ReadStreamId(ctx, reader.Position(), state.max_deleted_id)) return false;
      reader.Take();
      if (state.last_id < state.max_deleted_id) {
        reader.Fail(
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// Why a stream cannot be in this state; empty when it can.
std::string_view WhyImpossible(const StreamValue& stream, const StreamState& state) {
  if (state.last_id < stream.counters().max_deleted_id) {
    return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
  }
  if (stream.Length() == 0) return {};
  if (state.last_id < stream.LastEntryId().value_or(StreamId{})) {
    return "ERR The ID specified in XSETID is smaller than the target stream top item";
  }
  if (state.entries_added && stream.Length() > static_cast<std::uint64_t>(*state.entries_added)) {
    return "ERR The entries_added specified in XSETID is smaller than the target stream length";
  }
  return {};
}

void XsetidCommand(CommandContext& ctx) {
  StreamState state;
  if (!ReadStreamState(ctx, state)) return;
  auto opened = OpenToWrite<StreamHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.Error(protocol::error_text::kNoSuchKey);
    return;
  }
  if (const auto why = WhyImpossible(opened.handle->stream(), state); !why.empty()) {
    ctx.Error(why);
    return;
  }
  opened.handle->Change([&state](StreamValue& stream) {
    stream.counters().last_id = state.last_id;
    if (state.entries_added) {
      stream.counters().entries_added = static_cast<std::uint64_t>(*state.entries_added);
    }
    if (!state.max_deleted_id.IsZero()) stream.counters().max_deleted_id = state.max_deleted_id;
  });
  ctx.KeyChanged(ctx.Key(1), config::kNotifyStream, "xsetid");
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> StreamHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"xadd", &XaddCommand},           {"xlen", &XlenCommand},     {"xdel", &XdelCommand},
      {"xtrim", &XtrimCommand},         {"xsetid", &XsetidCommand}, {"xrange", &XrangeCommand},
      {"xrevrange", &XrevrangeCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
