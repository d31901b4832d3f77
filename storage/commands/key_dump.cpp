// SPDX-License-Identifier: Apache-2.0
// Values out of and into the server as bytes: DUMP, RESTORE, RESTORE-ASKING.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/expire_time.h"
#include "storage/commands/handler_table.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {
namespace {

void DumpCommand(CommandContext& ctx) {
  Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!entry) {
    ctx.reply.Null();
    return;
  }
  ctx.reply.Bulk(DumpValue(ctx.db, entry));
}

struct RestoreOptions {
  bool replaces = false;
  bool is_absolute = false;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::int64_t> frequency;
};

bool ReadRestoreOptions(CommandContext& ctx, RestoreOptions& options) {
  ArgumentReader reader(ctx, 4);
  while (reader.HasMore()) {
    if (reader.TakeWord("replace")) {
      options.replaces = true;
    } else if (reader.TakeWord("absttl")) {
      options.is_absolute = true;
    } else if (!options.frequency && reader.TakeWord("idletime", 1)) {
      options.idle_seconds = reader.TakeInteger();
      if (*options.idle_seconds < 0) reader.Fail("ERR Invalid IDLETIME value, must be >= 0");
    } else if (!options.idle_seconds && reader.TakeWord("freq", 1)) {
      options.frequency = reader.TakeInteger();
      if (*options.frequency < 0 || *options.frequency > 255) {
        reader.Fail("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

void ApplyAccess(CommandContext& ctx, const Entry& entry, const RestoreOptions& options) {
  const bool is_lfu = IsLfu(ctx.server.Config().maxmemory_policy);
  if (options.frequency && is_lfu) {
    ctx.db.SetFrequency(entry, static_cast<int>(*options.frequency), ctx.now_ms);
  } else if (options.idle_seconds && !is_lfu) {
    ctx.db.SetIdleSeconds(entry, *options.idle_seconds, ctx.now_ms);
  }
}

// Takes the payload in args[3] into `keyspace`; false when it is no good, which has been answered.
bool TakePayload(CommandContext& ctx, Keyspace& keyspace, const KeyRef& key) {
  if (!IsDumpIntact(ctx.args[3])) {
    ctx.Error("ERR DUMP payload version or checksum are wrong");
    return false;
  }
  const ValueLimits limits = ValueLimitsOf(ctx.server.Config());
  switch (RestoreValue(ctx.args[3], {keyspace, key, limits, ctx.now_ms})) {
    case RestoreResult::kBadData:
      ctx.Error("ERR Bad data format");
      return false;
    case RestoreResult::kUnsupportedType:
      ctx.Error("ERR RESTORE of this type is not supported by this version of Slotway");
      return false;
    case RestoreResult::kDone:
      break;
  }
  return true;
}

// The key's time has come already: the payload is looked at, and the key is gone.
void RestoreNothing(CommandContext& ctx, const KeyRef& key) {
  Keyspace elsewhere(ctx.server.arena, {});
  if (!TakePayload(ctx, elsewhere, key)) return;
  if (ctx.db.Delete(key.slot, key.key, ctx.now_ms)) {
    ctx.KeyChanged(key, config::kNotifyGeneric, "del");
    ctx.PropagateAs({ctx.server.Config().lazyfree_lazy_server_del ? "UNLINK" : "DEL", key.key});
  }
  ctx.reply.Ok();
}

void RestoreCommand(CommandContext& ctx) {
  RestoreOptions options;
  if (!ReadRestoreOptions(ctx, options)) return;
  // All are checked in any case.
  if (ctx.server.Config().sanitize_dump_payload != config::DumpSanitizing::kNo) {
    ++ctx.server.stats.sanitized_dumps;
  }
  KeyRef key = ctx.Key(1);
  bool exists = static_cast<bool>(ctx.Peek(key));
  if (exists && !options.replaces) {
    ctx.Error("BUSYKEY Target key name already exists.");
    return;
  }
  std::int64_t ttl_ms = 0;
  if (!ReadInteger(ctx, 2, ttl_ms)) return;
  if (ttl_ms < 0) {
    ctx.Error("ERR Invalid TTL value, must be >= 0");
    return;
  }
  const std::int64_t at_ms = ttl_ms != 0 && !options.is_absolute ? ttl_ms + ctx.now_ms : ttl_ms;
  if (at_ms != 0 && IsOver(ctx, at_ms)) {
    RestoreNothing(ctx, key);
    return;
  }
  if (!TakePayload(ctx, ctx.db, key)) return;
  Entry entry = ctx.Peek(key);
  if (at_ms != 0) entry = ctx.db.SetExpiry(entry, at_ms);
  ApplyAccess(ctx, entry, options);
  if (exists) ctx.KeyReplaced(ctx.client.db_index, key);
  ctx.KeyChanged(key, config::kNotifyGeneric, "restore");
  if (ttl_ms != 0 && !options.is_absolute) {
    std::vector<std::string_view> words(ctx.args.begin(), ctx.args.end());
    const std::string time = std::to_string(at_ms);
    words[2] = time;
    words.push_back("ABSTTL");
    ctx.PropagateAs(words);
  }
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> KeyDumpHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"dump", &DumpCommand}, {"restore", &RestoreCommand}, {"restore-asking", &RestoreCommand}};
  return kRows;
}

}  // namespace slotway::storage
