// SPDX-License-Identifier: Apache-2.0
// Integers of any width inside strings: BITFIELD, BITFIELD_RO.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/bit_arguments.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/types/bit_field.h"

namespace slotway::storage {
namespace {

struct FieldStep {
  enum class Kind : std::uint8_t { kGet, kSet, kIncrement };
  Kind kind;
  BitOverflow overflow;
  BitFieldType type;
  std::uint64_t position;
  std::int64_t value;
};

struct FieldSteps {
  std::vector<FieldStep> steps;
  bool has_writes = false;
  std::size_t written_bytes = 0;  // what a string needs for all that is written
};

std::optional<BitOverflow> OverflowNamed(std::string_view name) {
  if (EqualsNoCase(name, "wrap")) return BitOverflow::kWrap;
  if (EqualsNoCase(name, "sat")) return BitOverflow::kSaturate;
  if (EqualsNoCase(name, "fail")) return BitOverflow::kFail;
  return std::nullopt;
}

// Of a step whose word is behind args[at]: type, position and, if it writes, its value. Answers and
// returns false if one of them is no good.
bool ReadStep(CommandContext& ctx, std::size_t at, FieldStep& step) {
  const auto type = BitFieldType::Parse(ctx.args[at + 1]);
  if (!type) {
    ctx.Error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "
        "but i64 is.");
    return false;
  }
  step.type = *type;
  if (!ReadBitPosition(ctx, at + 2, type->bits, step.position)) return false;
  return step.kind == FieldStep::Kind::kGet || ReadInteger(ctx, at + 3, step.value);
}

std::optional<FieldStep::Kind> KindNamed(std::string_view word, std::size_t arguments_left) {
  if (EqualsNoCase(word, "get") && arguments_left >= 2) return FieldStep::Kind::kGet;
  if (EqualsNoCase(word, "set") && arguments_left >= 3) return FieldStep::Kind::kSet;
  if (EqualsNoCase(word, "incrby") && arguments_left >= 3) return FieldStep::Kind::kIncrement;
  return std::nullopt;
}

bool ReadSteps(CommandContext& ctx, FieldSteps& all) {
  auto overflow = BitOverflow::kWrap;
  for (std::size_t at = 2; at < ctx.args.size();) {
    const std::size_t left = ctx.args.size() - at - 1;
    if (EqualsNoCase(ctx.args[at], "overflow") && left >= 1) {
      const auto named = OverflowNamed(ctx.args[at + 1]);
      if (!named) {
        ctx.Error("ERR Invalid OVERFLOW type specified");
        return false;
      }
      overflow = *named;
      at += 2;
      continue;
    }
    const auto kind = KindNamed(ctx.args[at], left);
    if (!kind) {
      ctx.SyntaxError();
      return false;
    }
    FieldStep step{.kind = *kind, .overflow = overflow, .type = {}, .position = 0, .value = 0};
    if (!ReadStep(ctx, at, step)) return false;
    const bool is_write = *kind != FieldStep::Kind::kGet;
    if (is_write) {
      const std::uint64_t end = step.position + static_cast<unsigned>(step.type.bits);
      all.has_writes = true;
      all.written_bytes = std::max<std::size_t>(all.written_bytes, (end + 7) / 8);
    }
    all.steps.push_back(step);
    at += is_write ? 4 : 3;
  }
  return true;
}

void RunReads(CommandContext& ctx, const FieldSteps& all) {
  const Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  NumberText buffer;
  const std::string_view text = entry ? StringText(entry, buffer) : std::string_view();
  ctx.reply.Array(all.steps.size());
  for (const FieldStep& step : all.steps) {
    ctx.reply.Integer(LoadBitField(text, step.position, step.type));
  }
}

// Answers one step; whether it wrote what had not been there.
bool RunStep(CommandContext& ctx, const FieldStep& step, std::span<char> bytes, bool is_longer) {
  const std::int64_t old_value =
      LoadBitField({bytes.data(), bytes.size()}, step.position, step.type);
  if (step.kind == FieldStep::Kind::kGet) {
    ctx.reply.Integer(old_value);
    return false;
  }
  const bool is_set = step.kind == FieldStep::Kind::kSet;
  const auto new_value = is_set ? FitBitField(step.type, step.value, 0, step.overflow)
                                : FitBitField(step.type, old_value, step.value, step.overflow);
  if (!new_value) {
    ctx.reply.Null();
    return false;
  }
  StoreBitField(bytes, step.position, step.type, *new_value);
  ctx.reply.Integer(is_set ? old_value : *new_value);
  return is_longer || *new_value != old_value;
}

void BitfieldCommand(CommandContext& ctx) {
  FieldSteps all;
  if (!ReadSteps(ctx, all)) return;
  if (!all.has_writes) {
    RunReads(ctx, all);
    return;
  }
  const KeyRef key = ctx.Key(1);
  const Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  const WritableBits writable = MakeRoomForBits(ctx, key, entry, all.written_bytes);
  const std::span<char> bytes = ctx.db.MutableBytes(writable.entry);
  ctx.reply.Array(all.steps.size());
  bool has_written = false;
  for (const FieldStep& step : all.steps) {
    has_written = RunStep(ctx, step, bytes, writable.has_grown) || has_written;
  }
  if (has_written) {
    ctx.KeyChanged(key, config::kNotifyString, "setbit");
  } else if (writable.has_grown) {
    ctx.KeyChangedSilently(key);  // nothing that was to be written fits, but there is room now
  }
}

void BitfieldRoCommand(CommandContext& ctx) {
  FieldSteps all;
  if (!ReadSteps(ctx, all)) return;
  if (all.has_writes) {
    ctx.Error("ERR BITFIELD_RO only supports the GET subcommand");
    return;
  }
  RunReads(ctx, all);
}

}  // namespace

std::span<const HandlerRow> BitFieldHandlers() {
  static constexpr HandlerRow kRows[] = {{"bitfield", &BitfieldCommand},
                                         {"bitfield_ro", &BitfieldRoCommand}};
  return kRows;
}

}  // namespace slotway::storage
