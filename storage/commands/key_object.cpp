// SPDX-License-Identifier: Apache-2.0
// How a key is kept: OBJECT.
#include <cstdint>
#include <limits>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNoLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.";
constexpr std::string_view kNoLru =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";

// The entry without touching it; answers null and returns an empty one if it is absent.
Entry FindToInspect(CommandContext& ctx) {
  Entry entry = ctx.Peek(ctx.Key(2));
  if (!entry) ctx.reply.Null();
  return entry;
}

void ObjectEncodingCommand(CommandContext& ctx) {
  if (Entry entry = FindToInspect(ctx)) ctx.reply.Bulk(EncodingName(entry.encoding()));
}

// Redis keeps one object for each of the first 10,000 numbers, and says of it that it has all the
// owners there can be, unless a policy needs an access clock per key. Clients may tell by that.
constexpr std::int64_t kSharedNumbers = 10'000;
constexpr std::int64_t kOwnersOfShared = std::numeric_limits<std::int32_t>::max();

bool CountsAsShared(const CommandContext& ctx, const Entry& entry) {
  if (entry.encoding() != Encoding::kInt) return false;
  const config::ShardConfig& config = ctx.server.Config();
  const bool needs_clock = IsLfu(config.maxmemory_policy) || IsLru(config.maxmemory_policy);
  if (config.maxmemory_bytes != 0 && needs_clock) return false;
  return entry.Number() >= 0 && entry.Number() < kSharedNumbers;
}

void ObjectRefcountCommand(CommandContext& ctx) {
  const Entry entry = FindToInspect(ctx);
  if (entry) ctx.reply.Integer(CountsAsShared(ctx, entry) ? kOwnersOfShared : 1);
}

void ObjectIdletimeCommand(CommandContext& ctx) {
  Entry entry = FindToInspect(ctx);
  if (!entry) return;
  if (IsLfu(ctx.server.Config().maxmemory_policy)) {
    ctx.Error(kNoLru);
    return;
  }
  ctx.reply.Integer(ctx.db.IdleSeconds(entry, ctx.now_ms));
}

void ObjectFreqCommand(CommandContext& ctx) {
  Entry entry = FindToInspect(ctx);
  if (!entry) return;
  if (!IsLfu(ctx.server.Config().maxmemory_policy)) {
    ctx.Error(kNoLfu);
    return;
  }
  ctx.reply.Integer(ctx.db.Frequency(entry, ctx.now_ms));
}

void ObjectHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>", "    How the value is kept in memory.",
      "FREQ <key>",     "    How often it is accessed, on a logarithmic scale (LFU policies).",
      "IDLETIME <key>", "    Seconds since its last access (LRU policies).",
      "REFCOUNT <key>", "    How many owners the value has: 1, or all for a small number.",
  };
  ReplyHelp(ctx, "OBJECT", kLines);
}

}  // namespace

std::span<const HandlerRow> KeyObjectHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"object|encoding", &ObjectEncodingCommand}, {"object|refcount", &ObjectRefcountCommand},
      {"object|idletime", &ObjectIdletimeCommand}, {"object|freq", &ObjectFreqCommand},
      {"object|help", &ObjectHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
