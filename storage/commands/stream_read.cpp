// SPDX-License-Identifier: Apache-2.0
// New entries of streams, on request waiting for them: XREAD, XREADGROUP.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/commands/stream_reply.h"
#include "storage/commands/wait_deadline.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNoLastIdInGroup =
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
    "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would "
    "just return an empty result set.";
constexpr std::string_view kNoNewIdWithoutGroup =
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
    "<consumer> option.";

struct ReadRequest {
  bool is_group_read = false;  // XREADGROUP
  std::optional<std::int64_t> deadline_ms;
  std::size_t count = 0;  // 0: no limit
  std::size_t streams_at = 0;
  std::size_t stream_count = 0;
  std::string_view group;
  std::string_view consumer;
  bool has_group = false;
  bool is_noack = false;

  // Of each stream: entries behind this one. Max() of a group: what is new to the group.
  std::vector<StreamId> behind;
  bool IsForNew(std::size_t i) const { return is_group_read && behind[i] == StreamId::Max(); }
};

bool ReadStreamsWord(CommandContext& ctx, ReadRequest& request, std::size_t first) {
  const std::size_t words = ctx.args.size() - first;
  request.streams_at = first;
  request.stream_count = words / 2;
  if (words % 2 == 0) return true;
  ctx.Error(std::string("ERR Unbalanced '") + std::string(ctx.spec.name) +
            "' list of streams: for each stream key an ID or '" +
            (request.is_group_read ? '>' : '$') + "' must be specified.");
  return false;
}

bool ReadOptions(CommandContext& ctx, ReadRequest& request) {
  ArgumentReader reader(ctx, 1);
  while (reader.HasMore() && request.streams_at == 0) {
    if (reader.TakeWord("block", 1)) {
      request.deadline_ms.emplace();
      if (!ReadWaitMs(ctx, reader.Position(), *request.deadline_ms)) return false;
      reader.Take();
    } else if (reader.TakeWord("count", 1)) {
      request.count = static_cast<std::size_t>(std::max<std::int64_t>(reader.TakeInteger(), 0));
    } else if (reader.TakeWord("streams", 1)) {
      if (!ReadStreamsWord(ctx, request, reader.Position())) return false;
    } else if (reader.TakeWord("group", 2)) {
      if (!request.is_group_read) {
        reader.Fail(
            "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
      }
      request.has_group = true;
      request.group = reader.Take();
      request.consumer = reader.Take();
    } else if (reader.TakeWord("noack")) {
      if (!request.is_group_read) {
        reader.Fail(
            "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
      }
      request.is_noack = true;
    } else {
      reader.FailSyntax();
    }
  }
  if (request.streams_at == 0) {
    reader.FailSyntax();
  } else if (request.is_group_read && !request.has_group) {
    reader.Fail("ERR Missing GROUP option for XREADGROUP");
  }
  return reader.Finish();
}

// Answers why a stream cannot be read for a group, if so. A request that waited says what happened
// to what it waited for.
bool RefuseWithoutGroup(CommandContext& ctx, const ReadRequest& request, const Entry& entry,
                        std::string_view key) {
  if (ctx.is_run_again && !entry) {
    ctx.Error("NOGROUP the stream key no longer exists");
    return true;
  }
  if (entry && StreamHandle(ctx.db, entry).stream().FindGroup(request.group) != nullptr) {
    return false;
  }
  if (ctx.is_run_again) {
    ctx.Error("NOGROUP the consumer group this client was blocked on no longer exists");
  } else {
    ctx.Error(NoStreamGroupError(key, request.group, " in XREADGROUP with GROUP option"));
  }
  return true;
}

// The id of stream `i`, with the words that stand for one.
bool ReadIdOf(CommandContext& ctx, ReadRequest& request, std::size_t i) {
  const std::size_t key_index = request.streams_at + i;
  const std::size_t index = key_index + request.stream_count;
  const std::string_view text = ctx.args[index];
  const Entry entry = ctx.FindToRead(ctx.Key(key_index));
  if (ctx.is_run_again && entry && entry.type() != ValueType::kStream) {
    ctx.Error("WRONGTYPE the stream key no longer exists, it holds the wrong kind of value");
    return false;
  }
  if (!ctx.CheckType(entry, ValueType::kStream)) return false;
  if (request.is_group_read && RefuseWithoutGroup(ctx, request, entry, ctx.args[key_index])) {
    return false;
  }
  if (text == "$") {
    if (request.is_group_read) {
      ctx.Error(kNoLastIdInGroup);
      return false;
    }
    if (entry) request.behind[i] = StreamHandle(ctx.db, entry).stream().counters().last_id;
    return true;
  }
  if (text == ">") {
    if (!request.is_group_read) {
      ctx.Error(kNoNewIdWithoutGroup);
      return false;
    }
    request.behind[i] = StreamId::Max();
    return true;
  }
  return ReadStreamId(ctx, index, request.behind[i]);
}

// What a consumer has pending behind an id. An entry that is gone shows its id only. Returns how
// many there are.
std::size_t WriteHistory(StreamReplyBuffer& out, const StreamValue& stream,
                         const StreamGroup& group, const StreamConsumer& consumer, StreamId first,
                         std::size_t count, std::int64_t now_ms) {
  std::size_t written = 0;
  for (auto at = consumer.pending.LowerBound(first); at != consumer.pending.End(); at.Next()) {
    if (out.EntryOf(stream, at.id())) {
      PendingEntry& pending = *group.FindPending(at.id());
      pending.delivered_ms = now_ms;
      ++pending.deliveries;
    } else {
      out.writer().Array(2);
      out.Id(at.id());
      out.writer().NullArray();
    }
    if (++written == count) break;
  }
  return written;
}

// What is new to a group, which from now on has it delivered.
std::size_t WriteNew(CommandContext& ctx, StreamReplyBuffer& out, const StreamValue& stream,
                     const NamedGroup& named, StreamConsumer& consumer, StreamId first,
                     const ReadRequest& request) {
  StreamGroup& group = named.group;
  std::size_t written = 0;
  stream.Visit(first, StreamId::Max(),
               [&](const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
                 stream.NoteRead(group, entry.id);
                 out.Entry(reader, entry);
                 if (!request.is_noack) {
                   group.Deliver(entry.id, consumer, ctx.now_ms);
                   consumer.active_ms = ctx.now_ms;
                   PropagateClaim(ctx, named, entry.id, *group.FindPending(entry.id));
                 }
                 return ++written != request.count;
               });
  if (written > 0) PropagateGroupPosition(ctx, named);
  return written;
}

// The key and its entries, if there is something to give; false if not.
bool WriteGroupRead(CommandContext& ctx, const ReadRequest& request, std::size_t i,
                    StreamHandle& handle, StreamReplyBuffer& out) {
  const KeyRef key = ctx.Key(request.streams_at + i);
  return handle.Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(request.group);
    const NamedGroup named{key.key, request.group, group};
    StreamConsumer& consumer = SeeConsumer(ctx, named, request.consumer);
    const bool is_for_new = request.IsForNew(i);
    const StreamId behind = is_for_new ? group.last_delivered : request.behind[i];
    if (is_for_new && !(stream.LastEntryId() > behind)) return false;
    StreamReplyBuffer entries(ctx);
    std::size_t written = 0;
    const std::optional<StreamId> first = behind.Next();
    if (is_for_new) {
      written = WriteNew(ctx, entries, stream, named, consumer, *first, request);
    } else if (first) {
      written = WriteHistory(entries, stream, group, consumer, *first, request.count, ctx.now_ms);
    }
    out.Array(written, entries);
    ctx.DataChanged(1);
    return true;
  });
}

bool WriteRead(CommandContext& ctx, const ReadRequest& request, std::size_t i,
               const StreamHandle& handle, StreamReplyBuffer& out) {
  const StreamValue& stream = handle.stream();
  if (!(stream.LastEntryId() > request.behind[i])) return false;
  StreamReplyBuffer entries(ctx);
  const std::size_t written =
      entries.Range(stream, *request.behind[i].Next(), StreamId::Max(), request.count, false);
  out.Array(written, entries);
  return true;
}

// False when no stream has anything.
bool ReplyWhatIsThere(CommandContext& ctx, const ReadRequest& request) {
  StreamReplyBuffer all(ctx);
  std::size_t streams = 0;
  for (std::size_t i = 0; i < request.stream_count; ++i) {
    const std::size_t key_index = request.streams_at + i;
    const Entry entry = ctx.FindToRead(ctx.Key(key_index));
    if (!entry) continue;
    StreamHandle handle(ctx.db, entry);
    StreamReplyBuffer of_stream(ctx);
    const bool has_some = request.is_group_read ? WriteGroupRead(ctx, request, i, handle, of_stream)
                                                : WriteRead(ctx, request, i, handle, of_stream);
    if (!has_some) continue;
    ++streams;
    if (!ctx.reply.IsResp3()) all.writer().Array(2);
    all.writer().Bulk(ctx.args[key_index]);
    all.Append(of_stream);
  }
  if (streams == 0) return false;
  if (ctx.reply.IsResp3()) {
    ctx.reply.Map(streams);
  } else {
    ctx.reply.Array(streams);
  }
  ctx.output.Append(all.bytes());
  return true;
}

// "$" means what was last when the client came, not when the request is run again.
std::vector<std::string> WithFixedIds(const CommandContext& ctx, const ReadRequest& request) {
  std::vector<std::string> args(ctx.args.begin(), ctx.args.end());
  StreamIdText text;
  for (std::size_t i = 0; i < request.stream_count; ++i) {
    std::string& id = args[request.streams_at + request.stream_count + i];
    if (id == "$") id = text.Print(request.behind[i]);
  }
  return args;
}

void Read(CommandContext& ctx, bool is_group_read) {
  ReadRequest request;
  request.is_group_read = is_group_read;
  if (is_group_read) ctx.PropagateNothing();
  if (!ReadOptions(ctx, request)) return;
  request.behind.resize(request.stream_count);
  for (std::size_t i = 0; i < request.stream_count; ++i) {
    if (!ReadIdOf(ctx, request, i)) return;
  }
  if (ReplyWhatIsThere(ctx, request)) return;
  if (request.deadline_ms) {
    const CommandContext::Wait wait{
        .type = ValueType::kStream,
        .keys = ctx.args.subspan(request.streams_at, request.stream_count),
        .deadline_ms = *request.deadline_ms,
        .minds_absence = is_group_read};
    if (ctx.WaitFor(wait, WithFixedIds(ctx, request))) return;
  }
  ctx.reply.NullArray();
}

void XreadCommand(CommandContext& ctx) { Read(ctx, false); }
void XreadgroupCommand(CommandContext& ctx) { Read(ctx, true); }

}  // namespace

std::span<const HandlerRow> StreamReadHandlers() {
  static constexpr HandlerRow kRows[] = {{"xread", &XreadCommand},
                                         {"xreadgroup", &XreadgroupCommand}};
  return kRows;
}

}  // namespace slotway::storage
