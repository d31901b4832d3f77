// SPDX-License-Identifier: Apache-2.0
// Hashes written: HSET, HMSET, HSETNX, HDEL, HINCRBY, HINCRBYFLOAT.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/hash_handle.h"

namespace slotway::storage {
namespace {

// Sets all field and value pairs; nothing when an error was answered, else how many are new.
std::optional<std::int64_t> SetPairs(CommandContext& ctx) {
  if (ctx.args.size() % 2 != 0) {
    ctx.ArityError();
    return std::nullopt;
  }
  auto opened = OpenToWrite<HashHandle>(ctx);
  if (opened.is_wrong_type) return std::nullopt;
  HashHandle hash = HandleOrNew(ctx, opened, ctx.Key(1));
  HashLimits limits = HashLimitsOf(ctx.server.Config());
  std::int64_t added = 0;
  for (std::size_t i = 2; i < ctx.args.size(); i += 2) {
    if (hash.Set(ctx.args[i], ctx.args[i + 1], limits)) ++added;
  }
  ctx.KeyChanged(ctx.Key(1), config::kNotifyHash, "hset");
  return added;
}

void HsetCommand(CommandContext& ctx) {
  if (auto added = SetPairs(ctx)) ctx.reply.Integer(*added);
}

void HmsetCommand(CommandContext& ctx) {
  if (SetPairs(ctx)) ctx.reply.Ok();
}

void HsetnxCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (opened.handle && opened.handle->Get(ctx.args[2])) {
    ctx.reply.Integer(0);
    return;
  }
  HashHandle hash = HandleOrNew(ctx, opened, ctx.Key(1));
  hash.Set(ctx.args[2], ctx.args[3], HashLimitsOf(ctx.server.Config()));
  ctx.KeyChanged(ctx.Key(1), config::kNotifyHash, "hset");
  ctx.reply.Integer(1);
}

void HdelCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::int64_t deleted = 0;
  if (opened.handle) {
    for (std::size_t i = 2; i < ctx.args.size() && opened.handle->Size() > 0; ++i) {
      if (opened.handle->Delete(ctx.args[i])) ++deleted;
    }
    if (deleted > 0) {
      KeyRef key = ctx.Key(1);
      ctx.KeyChanged(key, config::kNotifyHash, "hdel");
      DeleteIfEmpty(ctx, *opened.handle, key);
    }
  }
  ctx.reply.Integer(deleted);
}

void HincrbyCommand(CommandContext& ctx) {
  std::int64_t increment = 0;
  if (!ReadInteger(ctx, 3, increment)) return;
  auto opened = OpenToWrite<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::int64_t value = 0;
  if (auto text = opened.handle ? opened.handle->Get(ctx.args[2]) : std::nullopt) {
    auto number = ParseInteger(*text);
    if (!number) {
      ctx.Error("ERR hash value is not an integer");
      return;
    }
    value = *number;
  }
  auto sum = AddChecked(value, increment);
  if (!sum) {
    ctx.Error(protocol::error_text::kOverflow);
    return;
  }
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, *sum).ptr;
  HashHandle hash = HandleOrNew(ctx, opened, ctx.Key(1));
  hash.Set(ctx.args[2], {digits, static_cast<std::size_t>(end - digits)},
           HashLimitsOf(ctx.server.Config()));
  ctx.KeyChanged(ctx.Key(1), config::kNotifyHash, "hincrby");
  ctx.reply.Integer(*sum);
}

void HincrbyfloatCommand(CommandContext& ctx) {
  auto increment = ParseLongDouble(ctx.args[3]);
  if (!increment) {
    ctx.Error(protocol::error_text::kNotFloat);
    return;
  }
  if (std::isinf(*increment)) {
    ctx.Error("ERR value is NaN or Infinity");
    return;
  }
  auto opened = OpenToWrite<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  long double value = 0;
  if (auto text = opened.handle ? opened.handle->Get(ctx.args[2]) : std::nullopt) {
    auto number = ParseLongDouble(*text);
    if (!number) {
      ctx.Error("ERR hash value is not a float");
      return;
    }
    value = *number;
  }
  value += *increment;
  if (std::isnan(value) || std::isinf(value)) {
    ctx.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  std::string text = FormatLongDouble(value);
  HashHandle hash = HandleOrNew(ctx, opened, ctx.Key(1));
  hash.Set(ctx.args[2], text, HashLimitsOf(ctx.server.Config()));
  ctx.KeyChanged(ctx.Key(1), config::kNotifyHash, "hincrbyfloat");
  ctx.PropagateAs({"HSET", ctx.args[1], ctx.args[2], text});  // the sum may be another elsewhere
  ctx.reply.Bulk(text);
}

}  // namespace

std::span<const HandlerRow> HashHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"hset", &HsetCommand}, {"hmset", &HmsetCommand},     {"hsetnx", &HsetnxCommand},
      {"hdel", &HdelCommand}, {"hincrby", &HincrbyCommand}, {"hincrbyfloat", &HincrbyfloatCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
