// SPDX-License-Identifier: Apache-2.0
// Whole strings written: SET and its options, SETEX, PSETEX, SETNX, GETSET, GETEX, GETDEL, MSET,
// MSETNX.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/expire_time.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

enum class ExpireOption : std::uint8_t { kNone, kEx, kPx, kExat, kPxat, kKeepTtl, kPersist };

struct SetOptions {
  bool only_if_absent = false;
  bool only_if_present = false;
  bool returns_old = false;
  ExpireOption expire = ExpireOption::kNone;
  std::string_view expire_text;
};

void PropagateSet(CommandContext& ctx, std::string_view value, std::int64_t at_ms) {
  const std::string time = std::to_string(at_ms);
  ctx.PropagateAs({"SET", ctx.args[1], value, "PXAT", time});
}

// Nobody hears the answer of what is repeated.
void PropagateWithoutGet(CommandContext& ctx) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < ctx.args.size(); ++i) {
    if (i < 3 || !EqualsNoCase(ctx.args[i], "get")) words.push_back(ctx.args[i]);
  }
  ctx.PropagateAs(words);
}

struct ExpireWord {
  std::string_view word;
  ExpireOption option;
};
constexpr ExpireWord kExpireWords[] = {{"ex", ExpireOption::kEx},
                                       {"px", ExpireOption::kPx},
                                       {"exat", ExpireOption::kExat},
                                       {"pxat", ExpireOption::kPxat}};

// EX, PX, EXAT, PXAT with their value; one kind per request.
bool TakeExpire(ArgumentReader& reader, SetOptions& options) {
  for (const ExpireWord& row : kExpireWords) {
    if (options.expire != ExpireOption::kNone && options.expire != row.option) continue;
    if (!reader.TakeWord(row.word, 1)) continue;
    options.expire = row.option;
    options.expire_text = reader.Take();
    return true;
  }
  return false;
}

// A word without value that excludes every other word about expiry.
bool TakeExpireFlag(ArgumentReader& reader, std::string_view word, ExpireOption option,
                    SetOptions& options) {
  if (options.expire != ExpireOption::kNone && options.expire != option) return false;
  if (!reader.TakeWord(word)) return false;
  options.expire = option;
  return true;
}

bool ReadSetOptions(CommandContext& ctx, SetOptions& options) {
  ArgumentReader reader(ctx, 3);
  while (reader.HasMore()) {
    if (!options.only_if_present && reader.TakeWord("nx")) {
      options.only_if_absent = true;
    } else if (!options.only_if_absent && reader.TakeWord("xx")) {
      options.only_if_present = true;
    } else if (reader.TakeWord("get")) {
      options.returns_old = true;
    } else if (!TakeExpireFlag(reader, "keepttl", ExpireOption::kKeepTtl, options) &&
               !TakeExpire(reader, options)) {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// Reads the time to live that `options` carries; answers and returns false if it is no good.
bool ReadExpireTime(CommandContext& ctx, const SetOptions& options, TtlChange& ttl,
                    std::int64_t& at_ms) {
  ExpireOption kind = options.expire;
  if (kind == ExpireOption::kKeepTtl) ttl = TtlChange::Keep();
  if (options.expire_text.data() == nullptr) return true;
  auto value = ParseInteger(options.expire_text);
  if (!value) {
    ctx.Error(protocol::error_text::kNotInteger);
    return false;
  }
  ExpireUnit unit{.is_seconds = kind == ExpireOption::kEx || kind == ExpireOption::kExat,
                  .is_absolute = kind == ExpireOption::kExat || kind == ExpireOption::kPxat};
  auto time = *value > 0 ? ToUnixMs(*value, unit, ctx.now_ms) : std::nullopt;
  if (!time) {
    ctx.InvalidExpireError();
    return false;
  }
  at_ms = *time;
  ttl = TtlChange::At(at_ms);
  return true;
}

void ReplyString(CommandContext& ctx, const Entry& entry) {
  if (!entry) {
    ctx.reply.Null();
    return;
  }
  NumberText buffer;
  ctx.reply.Bulk(StringText(entry, buffer));
}

void StoreString(CommandContext& ctx, const KeyRef& key, std::string_view value, TtlChange ttl) {
  ctx.db.SetString(key.slot, key.key, value, ttl, ctx.now_ms);
  ctx.KeyChanged(key, config::kNotifyString, "set");
}

void SetCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  if (ctx.args.size() == 3) [[likely]] {
    StoreString(ctx, key, ctx.args[2], TtlChange::Clear());
    ctx.reply.Ok();
    return;
  }
  SetOptions options;
  if (!ReadSetOptions(ctx, options)) return;
  TtlChange ttl = TtlChange::Clear();
  std::int64_t at_ms = 0;
  if (!ReadExpireTime(ctx, options, ttl, at_ms)) return;
  if (options.returns_old || options.only_if_absent || options.only_if_present) {
    Entry old = options.returns_old ? ctx.FindToRead(key) : ctx.FindToWrite(key);
    if (options.returns_old) {
      if (!ctx.CheckType(old, ValueType::kString)) return;
      ReplyString(ctx, old);
    }
    if (old ? options.only_if_absent : options.only_if_present) {
      if (!options.returns_old) ctx.reply.Null();
      return;
    }
  }
  StoreString(ctx, key, ctx.args[2], ttl);
  if (at_ms != 0) {
    ctx.KeyChanged(key, config::kNotifyGeneric, "expire");
    PropagateSet(ctx, ctx.args[2], at_ms);
  } else if (options.returns_old) {
    PropagateWithoutGet(ctx);
  }
  if (!options.returns_old) ctx.reply.Ok();
}

void SetWithTtl(CommandContext& ctx, ExpireOption unit) {
  SetOptions options;
  options.expire = unit;
  options.expire_text = ctx.args[2];
  TtlChange ttl = TtlChange::Clear();
  std::int64_t at_ms = 0;
  if (!ReadExpireTime(ctx, options, ttl, at_ms)) return;
  KeyRef key = ctx.Key(1);
  StoreString(ctx, key, ctx.args[3], ttl);
  ctx.KeyChanged(key, config::kNotifyGeneric, "expire");
  PropagateSet(ctx, ctx.args[3], at_ms);
  ctx.reply.Ok();
}

void SetexCommand(CommandContext& ctx) { SetWithTtl(ctx, ExpireOption::kEx); }
void PsetexCommand(CommandContext& ctx) { SetWithTtl(ctx, ExpireOption::kPx); }

void SetnxCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  if (ctx.FindToWrite(key)) {
    ctx.reply.Integer(0);
    return;
  }
  StoreString(ctx, key, ctx.args[2], TtlChange::Clear());
  ctx.reply.Integer(1);
}

void GetsetCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  Entry old = ctx.FindToRead(key);
  if (!ctx.CheckType(old, ValueType::kString)) return;
  ReplyString(ctx, old);
  StoreString(ctx, key, ctx.args[2], TtlChange::Clear());
  ctx.PropagateAs({"SET", key.key, ctx.args[2]});
}

void GetdelCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToRead(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  ReplyString(ctx, entry);
  if (!entry) return;
  ctx.db.Delete(entry);
  ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  ctx.PropagateAs({"DEL", key.key});
}

void GetexCommand(CommandContext& ctx) {
  SetOptions options;
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    if (!TakeExpireFlag(reader, "persist", ExpireOption::kPersist, options) &&
        !TakeExpire(reader, options)) {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return;
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToRead(key);
  if (!entry) {
    ctx.reply.Null();
    return;
  }
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  TtlChange ttl = TtlChange::Clear();
  std::int64_t at_ms = 0;
  if (!ReadExpireTime(ctx, options, ttl, at_ms)) return;
  ReplyString(ctx, entry);
  if (options.expire == ExpireOption::kPersist) {
    if (!ctx.db.ClearExpiry(entry)) return;
    ctx.KeyChanged(key, config::kNotifyGeneric, "persist");
    ctx.PropagateAs({"PERSIST", key.key});
  } else if (at_ms != 0) {
    if (!ExpireAt(ctx, key, entry, at_ms)) return;
    ctx.PropagateAs({"PEXPIREAT", key.key, std::to_string(at_ms)});
  }
}

void StorePairs(CommandContext& ctx) {
  for (std::size_t i = 1; i < ctx.args.size(); i += 2) {
    StoreString(ctx, ctx.Key(i), ctx.args[i + 1], TtlChange::Clear());
  }
}

void MsetCommand(CommandContext& ctx) {
  if (ctx.args.size() % 2 == 0) {
    ctx.ArityError();
    return;
  }
  StorePairs(ctx);
  ctx.reply.Ok();
}

void MsetnxCommand(CommandContext& ctx) {
  if (ctx.args.size() % 2 == 0) {
    ctx.ArityError();
    return;
  }
  for (std::size_t i = 1; i < ctx.args.size(); i += 2) {
    if (ctx.FindToWrite(ctx.Key(i))) {
      ctx.reply.Integer(0);
      return;
    }
  }
  StorePairs(ctx);
  ctx.reply.Integer(1);
}

}  // namespace

std::span<const HandlerRow> StringSetHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"set", &SetCommand},     {"setex", &SetexCommand},   {"psetex", &PsetexCommand},
      {"setnx", &SetnxCommand}, {"getset", &GetsetCommand}, {"getdel", &GetdelCommand},
      {"getex", &GetexCommand}, {"mset", &MsetCommand},     {"msetnx", &MsetnxCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
