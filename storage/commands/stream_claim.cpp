// SPDX-License-Identifier: Apache-2.0
// Pending entries that change hands: XCLAIM, XAUTOCLAIM.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/stream_arguments.h"
#include "storage/commands/stream_reply.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

struct Claim {
  std::int64_t idle_min_ms = 0;
  std::optional<std::int64_t> delivered_ms;  // IDLE, TIME; else now
  std::optional<std::int64_t> deliveries;    // RETRYCOUNT
  StreamId last_delivered;                   // LASTID
  bool makes_pending = false;                // FORCE
  bool is_ids_only = false;                  // JUSTID
};

// The stream in args[1] with the group in args[2]; answers an error if there is no such group.
OpenedKey<StreamHandle> OpenStreamOfGroup(CommandContext& ctx) {
  auto opened = OpenToRead<StreamHandle>(ctx);
  if (opened.is_wrong_type) return opened;
  if (!opened.handle || opened.handle->stream().FindGroup(ctx.args[2]) == nullptr) {
    ctx.Error(NoStreamGroupError(ctx.args[1], ctx.args[2]));
    opened.handle.reset();
  }
  return opened;
}

bool ReadIdleMin(CommandContext& ctx, Claim& claim, std::string_view error) {
  if (!ReadInteger(ctx, 4, claim.idle_min_ms, error)) return false;
  claim.idle_min_ms = std::max<std::int64_t>(claim.idle_min_ms, 0);
  return true;
}

// What follows the ids of XCLAIM, from args[first] on.
bool ReadClaimOptions(CommandContext& ctx, std::size_t first, Claim& claim) {
  ArgumentReader reader(ctx, first);
  while (reader.HasMore()) {
    if (reader.TakeWord("force")) {
      claim.makes_pending = true;
    } else if (reader.TakeWord("justid")) {
      claim.is_ids_only = true;
    } else if (reader.TakeWord("idle", 1)) {
      const std::int64_t idle_ms =
          reader.TakeInteger("ERR Invalid IDLE option argument for XCLAIM");
      // Too long to be true is as good as no time at all.
      std::int64_t at_ms = 0;
      claim.delivered_ms = __builtin_sub_overflow(ctx.now_ms, idle_ms, &at_ms) ? -1 : at_ms;
    } else if (reader.TakeWord("time", 1)) {
      claim.delivered_ms = reader.TakeInteger("ERR Invalid TIME option argument for XCLAIM");
    } else if (reader.TakeWord("retrycount", 1)) {
      claim.deliveries = reader.TakeInteger("ERR Invalid RETRYCOUNT option argument for XCLAIM");
    } else if (reader.TakeWord("lastid", 1)) {
      if (!ReadStreamId(ctx, reader.Position(), claim.last_delivered)) return false;
      reader.Take();
    } else {
      const std::string_view option = ctx.args[reader.Position()];
      ctx.Error("ERR Unrecognized XCLAIM option '" +
                std::string(option.substr(0, option.find('\0'))) + "'");
      return false;
    }
  }
  return reader.Finish();
}

// Ids up to the first argument that is none.
std::vector<StreamId> LeadingIds(std::span<const std::string_view> args) {
  std::vector<StreamId> ids;
  for (std::string_view text : args) {
    const auto id = ParseStreamId(text, 0);
    if (!id) break;
    ids.push_back(*id);
  }
  return ids;
}

class Claimer {
 public:
  Claimer(CommandContext& ctx, const StreamValue& stream, StreamGroup& group, const Claim& claim)
      : claimed(ctx),
        ctx_(ctx),
        stream_(stream),
        group_(group),
        claim_(claim),
        named_{ctx.args[1], ctx.args[2], group},
        consumer_(SeeConsumer(ctx, named_, ctx.args[3])) {
    ctx.PropagateNothing();
    const std::int64_t given_ms = claim.delivered_ms.value_or(ctx.now_ms);
    delivered_ms_ = given_ms < 0 || given_ms > ctx.now_ms ? ctx.now_ms : given_ms;
  }

  // Gives a pending entry to the consumer and writes it, unless its time has not come.
  bool Take(StreamId id, PendingEntry& entry) {
    if (entry.consumer != nullptr && claim_.idle_min_ms != 0 &&
        ctx_.now_ms - entry.delivered_ms < claim_.idle_min_ms) {
      return false;
    }
    group_.GiveTo(id, entry, consumer_);
    entry.delivered_ms = delivered_ms_;
    if (claim_.deliveries && *claim_.deliveries >= 0) {
      entry.deliveries = static_cast<std::uint64_t>(*claim_.deliveries);
    } else if (!claim_.is_ids_only) {
      ++entry.deliveries;
    }
    consumer_.active_ms = ctx_.now_ms;
    if (claim_.is_ids_only) {
      claimed.Id(id);
    } else {
      claimed.EntryOf(stream_, id);
    }
    ++count;
    ctx_.DataChanged(1);
    PropagateClaim(ctx_, named_, id, entry);
    return true;
  }
  // An entry that is gone cannot be worked on by anybody. False when it was not pending.
  bool Forget(StreamId id) {
    if (!group_.Acknowledge(id)) return false;
    ctx_.DataChanged(1);
    PropagateAcknowledged(ctx_, named_, id);
    return true;
  }

  StreamReplyBuffer claimed;
  std::size_t count = 0;

 private:
  CommandContext& ctx_;
  const StreamValue& stream_;
  StreamGroup& group_;
  const Claim& claim_;
  NamedGroup named_;
  StreamConsumer& consumer_;
  std::int64_t delivered_ms_ = 0;
};

void XclaimCommand(CommandContext& ctx) {
  auto opened = OpenStreamOfGroup(ctx);
  if (!opened.handle) return;
  Claim claim;
  if (!ReadIdleMin(ctx, claim, "ERR Invalid min-idle-time argument for XCLAIM")) return;
  const std::vector<StreamId> ids = LeadingIds(ctx.args.subspan(5));
  if (!ReadClaimOptions(ctx, 5 + ids.size(), claim)) return;
  opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[2]);
    if (claim.last_delivered > group.last_delivered) {
      group.last_delivered = claim.last_delivered;
      ctx.DataChanged(1);
      PropagateGroupPosition(ctx, {ctx.args[1], ctx.args[2], group});
    }
    Claimer claimer(ctx, stream, group, claim);
    for (const StreamId id : ids) {
      if (!stream.Contains(id)) {
        claimer.Forget(id);
        continue;
      }
      if (claim.makes_pending) group.AddUnowned(id, ctx.now_ms, 1);
      if (PendingEntry* entry = group.FindPending(id)) claimer.Take(id, *entry);
    }
    ReplyArray(ctx, claimer.count, claimer.claimed);
  });
}

constexpr std::int64_t kLookedAtPerClaim = 10;

struct AutoClaim {
  Claim claim;
  StreamId first;
  std::int64_t count = 100;
};

bool ReadAutoClaim(CommandContext& ctx, AutoClaim& request) {
  constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max() / 16;
  if (!ReadIdleMin(ctx, request.claim, "ERR Invalid min-idle-time argument for XAUTOCLAIM") ||
      !ReadRangeStart(ctx, 5, request.first)) {
    return false;
  }
  ArgumentReader reader(ctx, 6);
  while (reader.HasMore()) {
    if (reader.TakeWord("count", 1)) {
      request.count = reader.TakeIntegerIn(1, kCountMax, "ERR COUNT must be > 0");
    } else if (reader.TakeWord("justid")) {
      request.claim.is_ids_only = true;
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

void XautoclaimCommand(CommandContext& ctx) {
  AutoClaim request;
  if (!ReadAutoClaim(ctx, request)) return;
  auto opened = OpenStreamOfGroup(ctx);
  if (!opened.handle) return;
  opened.handle->Change([&](StreamValue& stream) {
    StreamGroup& group = *stream.FindGroup(ctx.args[2]);
    Claimer claimer(ctx, stream, group, request.claim);
    StreamReplyBuffer gone(ctx);
    std::size_t gone_count = 0;
    std::int64_t left = request.count;
    std::int64_t attempts_left = request.count * kLookedAtPerClaim;
    auto at = group.pending().LowerBound(request.first);
    for (; left > 0 && attempts_left > 0 && at != group.pending().End(); --attempts_left) {
      const StreamId id = at.id();
      if (!stream.Contains(id)) {
        claimer.Forget(id);
        gone.Id(id);
        ++gone_count;
        --left;
        at = group.pending().LowerBound(id);
        continue;
      }
      if (claimer.Take(id, at.value())) --left;
      at.Next();
    }
    StreamIdText text;
    ctx.reply.Array(3);
    ctx.reply.Bulk(text.Print(at != group.pending().End() ? at.id() : StreamId{}));
    ReplyArray(ctx, claimer.count, claimer.claimed);
    ReplyArray(ctx, gone_count, gone);
  });
}

}  // namespace

std::span<const HandlerRow> StreamClaimHandlers() {
  static constexpr HandlerRow kRows[] = {{"xclaim", &XclaimCommand},
                                         {"xautoclaim", &XautoclaimCommand}};
  return kRows;
}

}  // namespace slotway::storage
