// SPDX-License-Identifier: Apache-2.0
// XGROUP: making, moving and removing consumer groups and their consumers.
#include <cstdint>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNeedsKey =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
    "the MKSTREAM option to create an empty stream automatically.";

struct GroupOptions {
  bool makes_stream = false;
  std::int64_t entries_read = StreamGroup::kUnknownEntriesRead;
};

// What may follow the id of CREATE and SETID.
bool ReadGroupOptions(CommandContext& ctx, bool may_make_stream, GroupOptions& options) {
  ArgumentReader reader(ctx, 5);
  while (reader.HasMore()) {
    if (may_make_stream && reader.TakeWord("mkstream")) {
      options.makes_stream = true;
    } else if (reader.TakeWord("entriesread", 1)) {
      options.entries_read = reader.TakeInteger();
      if (options.entries_read < StreamGroup::kUnknownEntriesRead) {
        reader.Fail("ERR value for ENTRIESREAD must be positive or -1");
      }
    } else {
      ctx.SubcommandError("XGROUP");
      return false;
    }
  }
  return reader.Finish();
}

// The stream in args[2]; answers why it is not to be had.
OpenedKey<StreamHandle> OpenStream(CommandContext& ctx, bool may_be_absent) {
  auto opened = OpenToWrite<StreamHandle>(ctx, 2);
  if (!opened.handle && !opened.is_wrong_type && !may_be_absent) ctx.Error(kNeedsKey);
  return opened;
}

// The same for subcommands that need the group in args[3].
OpenedKey<StreamHandle> OpenStreamWithGroup(CommandContext& ctx) {
  auto opened = OpenStream(ctx, false);
  if (opened.handle && opened.handle->stream().FindGroup(ctx.args[3]) == nullptr) {
    ctx.Error(NoGroupOfKeyError(ctx.args[3], ctx.args[2]));
    opened.handle.reset();
  }
  return opened;
}

void Tell(CommandContext& ctx, std::string_view event) {
  ctx.KeyChanged(ctx.Key(2), config::kNotifyStream, event);
}

void XgroupCreateCommand(CommandContext& ctx) {
  GroupOptions options;
  if (!ReadGroupOptions(ctx, true, options)) return;
  auto opened = OpenStream(ctx, options.makes_stream);
  if (opened.is_wrong_type || (!opened.handle && !options.makes_stream)) return;
  if (ctx.args.size() > 8) {
    ctx.SubcommandError("XGROUP");
    return;
  }
  StreamId id;
  if (ctx.args[4] == "$") {
    if (opened.handle) id = opened.handle->stream().counters().last_id;
  } else if (!ReadStreamId(ctx, 4, id)) {
    return;
  }
  StreamHandle handle = HandleOrNew(ctx, opened, ctx.Key(2));
  const StreamGroup* added = handle.Change([&](StreamValue& stream) {
    return stream.AddGroup(ctx.args[3], id, options.entries_read);
  });
  if (added == nullptr) {
    ctx.Error("BUSYGROUP Consumer Group name already exists");
    return;
  }
  Tell(ctx, "xgroup-create");
  ctx.reply.Ok();
}

void XgroupSetidCommand(CommandContext& ctx) {
  GroupOptions options;
  if (!ReadGroupOptions(ctx, false, options)) return;
  auto opened = OpenStreamWithGroup(ctx);
  if (!opened.handle) return;
  if (ctx.args.size() != 5 && ctx.args.size() != 7) {
    ctx.SubcommandError("XGROUP");
    return;
  }
  StreamId id;
  if (ctx.args[4] == "$") {
    id = opened.handle->stream().counters().last_id;
  } else if (ctx.args[4] == "-") {
    id = {};
  } else if (ctx.args[4] == "+") {
    id = StreamId::Max();
  } else if (!ReadStreamId(ctx, 4, id)) {
    return;
  }
  opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[3]);
    group.last_delivered = id;
    group.entries_read = options.entries_read;
  });
  Tell(ctx, "xgroup-setid");
  ctx.reply.Ok();
}

void XgroupDestroyCommand(CommandContext& ctx) {
  auto opened = OpenStream(ctx, false);
  if (!opened.handle) return;
  const bool is_removed =
      opened.handle->Change([&](StreamValue& stream) { return stream.RemoveGroup(ctx.args[3]); });
  if (is_removed) Tell(ctx, "xgroup-destroy");
  ctx.reply.Integer(is_removed ? 1 : 0);
}

void XgroupCreateconsumerCommand(CommandContext& ctx) {
  auto opened = OpenStreamWithGroup(ctx);
  if (!opened.handle) return;
  const bool is_new = opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[3]);
    if (group.FindConsumer(ctx.args[4]) != nullptr) return false;
    group.AddConsumer(ctx.args[4], ctx.now_ms);
    return true;
  });
  if (is_new) Tell(ctx, "xgroup-createconsumer");
  ctx.reply.Integer(is_new ? 1 : 0);
}

void XgroupDelconsumerCommand(CommandContext& ctx) {
  auto opened = OpenStreamWithGroup(ctx);
  if (!opened.handle) return;
  std::int64_t pending = 0;
  const bool is_removed = opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[3]);
    StreamConsumer* consumer = group.FindConsumer(ctx.args[4]);
    if (consumer == nullptr) return false;
    pending = static_cast<std::int64_t>(consumer->pending.Size());
    group.RemoveConsumer(*consumer);
    return true;
  });
  if (is_removed) Tell(ctx, "xgroup-delconsumer");
  ctx.reply.Integer(pending);
}

void XgroupHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
      "    Make a group that reads what comes behind an id, on request with its stream.",
      "CREATECONSUMER <key> <group> <consumer>",
      "    Make a consumer that has nothing yet.",
      "DELCONSUMER <key> <group> <consumer>",
      "    Remove a consumer and forget what is pending with it.",
      "DESTROY <key> <group>",
      "    Remove a group.",
      "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
      "    Set what the group has delivered last.",
  };
  ReplyHelp(ctx, "XGROUP", kLines);
}

}  // namespace

std::span<const HandlerRow> StreamGroupHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"xgroup|create", &XgroupCreateCommand},
      {"xgroup|setid", &XgroupSetidCommand},
      {"xgroup|destroy", &XgroupDestroyCommand},
      {"xgroup|createconsumer", &XgroupCreateconsumerCommand},
      {"xgroup|delconsumer", &XgroupDelconsumerCommand},
      {"xgroup|help", &XgroupHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
