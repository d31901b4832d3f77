// SPDX-License-Identifier: Apache-2.0
// Times to live: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/expire_time.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

struct ExpireCondition {
  bool only_without_ttl = false;  // NX
  bool only_with_ttl = false;     // XX
  bool only_later = false;        // GT
  bool only_earlier = false;      // LT

  bool Allows(std::optional<std::int64_t> current_ms, std::int64_t wanted_ms) const {
    if (only_without_ttl && current_ms) return false;
    if (only_with_ttl && !current_ms) return false;
    // No TTL counts as an infinite one.
    if (only_later && (!current_ms || wanted_ms <= *current_ms)) return false;
    return !(only_earlier && current_ms && wanted_ms >= *current_ms);
  }
};

bool ReadExpireCondition(CommandContext& ctx, ExpireCondition& condition) {
  for (std::size_t i = 3; i < ctx.args.size(); ++i) {
    std::string_view word = ctx.args[i];
    if (EqualsNoCase(word, "nx")) {
      condition.only_without_ttl = true;
    } else if (EqualsNoCase(word, "xx")) {
      condition.only_with_ttl = true;
    } else if (EqualsNoCase(word, "gt")) {
      condition.only_later = true;
    } else if (EqualsNoCase(word, "lt")) {
      condition.only_earlier = true;
    } else {
      ctx.Error("ERR Unsupported option " + std::string(word));
      return false;
    }
  }
  if (condition.only_without_ttl &&
      (condition.only_with_ttl || condition.only_later || condition.only_earlier)) {
    ctx.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (condition.only_later && condition.only_earlier) {
    ctx.Error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

void SetTtl(CommandContext& ctx, ExpireUnit unit) {
  ExpireCondition condition;
  if (!ReadExpireCondition(ctx, condition)) return;
  std::int64_t value = 0;
  if (!ReadInteger(ctx, 2, value)) return;
  auto at_ms = ToUnixMs(value, unit, ctx.now_ms);
  if (!at_ms) {
    ctx.InvalidExpireError();
    return;
  }
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToWrite(key);
  if (!entry || !condition.Allows(entry.expire_at_ms(), *at_ms)) {
    ctx.reply.Integer(0);
    return;
  }
  if (ExpireAt(ctx, key, entry, *at_ms) && ctx.server.propagation.IsOn()) {
    const std::string time = std::to_string(*at_ms);
    std::vector<std::string_view> words(ctx.args.begin(), ctx.args.end());
    words[0] = "PEXPIREAT";
    words[2] = time;
    ctx.PropagateAs(words);
  }
  ctx.reply.Integer(1);
}

void ExpireCommand(CommandContext& ctx) { SetTtl(ctx, {.is_seconds = true, .is_absolute = false}); }
void PexpireCommand(CommandContext& ctx) {
  SetTtl(ctx, {.is_seconds = false, .is_absolute = false});
}
void ExpireatCommand(CommandContext& ctx) {
  SetTtl(ctx, {.is_seconds = true, .is_absolute = true});
}
void PexpireatCommand(CommandContext& ctx) {
  SetTtl(ctx, {.is_seconds = false, .is_absolute = true});
}

// -2: no key; -1: no TTL; else what `show` makes of the time in ms.
template <class Show>
void ReplyTtl(CommandContext& ctx, Show show) {
  Entry entry = ctx.PeekToRead(ctx.Key(1));
  auto at_ms = entry ? entry.expire_at_ms() : std::nullopt;
  ctx.reply.Integer(!entry ? -2 : !at_ms ? -1 : show(*at_ms));
}

void TtlCommand(CommandContext& ctx) {
  ReplyTtl(ctx, [&](std::int64_t at_ms) {
    return (std::max<std::int64_t>(at_ms - ctx.now_ms, 0) + 500) / 1000;
  });
}
void PttlCommand(CommandContext& ctx) {
  ReplyTtl(ctx, [&](std::int64_t at_ms) { return std::max<std::int64_t>(at_ms - ctx.now_ms, 0); });
}
void ExpiretimeCommand(CommandContext& ctx) {
  ReplyTtl(ctx, [](std::int64_t at_ms) { return (at_ms + 500) / 1000; });
}
void PexpiretimeCommand(CommandContext& ctx) {
  ReplyTtl(ctx, [](std::int64_t at_ms) { return at_ms; });
}

void PersistCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToWrite(key);
  bool had_ttl = entry && ctx.db.ClearExpiry(entry);
  if (had_ttl) ctx.KeyChanged(key, config::kNotifyGeneric, "persist");
  ctx.reply.Integer(had_ttl ? 1 : 0);
}

}  // namespace

std::span<const HandlerRow> KeyExpiryHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"expire", &ExpireCommand},
      {"pexpire", &PexpireCommand},
      {"expireat", &ExpireatCommand},
      {"pexpireat", &PexpireatCommand},
      {"ttl", &TtlCommand},
      {"pttl", &PttlCommand},
      {"expiretime", &ExpiretimeCommand},
      {"pexpiretime", &PexpiretimeCommand},
      {"persist", &PersistCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
