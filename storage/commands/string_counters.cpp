// SPDX-License-Identifier: Apache-2.0
// Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

void AddToNumber(CommandContext& ctx, std::int64_t increment) {
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  std::int64_t value = 0;
  if (entry) {
    auto number = entry.encoding() == Encoding::kInt ? entry.Number() : ParseInteger(entry.Bytes());
    if (!number) {
      ctx.Error(protocol::error_text::kNotInteger);
      return;
    }
    value = *number;
  }
  auto sum = AddChecked(value, increment);
  if (!sum) {
    ctx.Error(protocol::error_text::kOverflow);
    return;
  }
  if (entry) {
    ctx.db.ReplaceNumber(entry, *sum);
  } else {
    ctx.db.SetNumber(key.slot, key.key, *sum, TtlChange::Clear(), ctx.now_ms);
  }
  ctx.KeyChanged(key, config::kNotifyString, "incrby");
  ctx.reply.Integer(*sum);
}

void IncrCommand(CommandContext& ctx) { AddToNumber(ctx, 1); }
void DecrCommand(CommandContext& ctx) { AddToNumber(ctx, -1); }

void IncrbyCommand(CommandContext& ctx) {
  std::int64_t increment = 0;
  if (ReadInteger(ctx, 2, increment)) AddToNumber(ctx, increment);
}

void DecrbyCommand(CommandContext& ctx) {
  std::int64_t decrement = 0;
  if (!ReadInteger(ctx, 2, decrement)) return;
  if (decrement == std::numeric_limits<std::int64_t>::min()) {
    ctx.Error("ERR decrement would overflow");
    return;
  }
  AddToNumber(ctx, -decrement);
}

void IncrbyfloatCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  long double value = 0;
  if (entry) {
    NumberText buffer;
    auto number = ParseLongDouble(StringText(entry, buffer));
    if (!number) {
      ctx.Error(protocol::error_text::kNotFloat);
      return;
    }
    value = *number;
  }
  auto increment = ParseLongDouble(ctx.args[2]);
  if (!increment) {
    ctx.Error(protocol::error_text::kNotFloat);
    return;
  }
  value += *increment;
  if (std::isnan(value) || std::isinf(value)) {
    ctx.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  std::string text = FormatLongDouble(value);
  ctx.db.SetString(key.slot, key.key, text, TtlChange::Keep(), ctx.now_ms);
  ctx.KeyChanged(key, config::kNotifyString, "incrbyfloat");
  ctx.PropagateAs({"SET", key.key, text, "KEEPTTL"});  // the sum may be another elsewhere
  ctx.reply.Bulk(text);
}

}  // namespace

std::span<const HandlerRow> StringCounterHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"incr", &IncrCommand},
      {"decr", &DecrCommand},
      {"incrby", &IncrbyCommand},
      {"decrby", &DecrbyCommand},
      {"incrbyfloat", &IncrbyfloatCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
