// SPDX-License-Identifier: Apache-2.0
// Strings as arrays of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/bit_arguments.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/types/bit_operation.h"
#include "storage/types/bit_string.h"

namespace slotway::storage {
namespace {

void SetbitCommand(CommandContext& ctx) {
  std::uint64_t position = 0;
  std::int64_t bit = 0;
  if (!ReadBitPosition(ctx, 2, 0, position)) return;
  if (!ReadIntegerIn(ctx, 3, 0, 1, bit, "ERR bit is not an integer or out of range")) return;
  const KeyRef key = ctx.Key(1);
  const Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  const WritableBits writable = MakeRoomForBits(ctx, key, entry, position / 8 + 1);
  char& byte = ctx.db.MutableBytes(writable.entry)[position / 8];
  const int shift = 7 - static_cast<int>(position % 8);
  const int old_bit = byte >> shift & 1;
  if (writable.has_grown || old_bit != bit) {
    byte = static_cast<char>((byte & ~(1 << shift)) | static_cast<int>(bit) << shift);
    ctx.KeyChanged(key, config::kNotifyString, "setbit");
  }
  ctx.reply.Integer(old_bit);
}

void GetbitCommand(CommandContext& ctx) {
  std::uint64_t position = 0;
  if (!ReadBitPosition(ctx, 2, 0, position)) return;
  const Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  NumberText buffer;
  ctx.reply.Integer(entry && BitAt(StringText(entry, buffer), position) ? 1 : 0);
}

// The part of a string that BITCOUNT and BITPOS are about: [start [end [BYTE | BIT]]].
struct BitRange {
  std::int64_t start = 0;
  std::int64_t end = -1;
  bool counts_bits = false;  // else bytes

  struct Positions {
    std::uint64_t first;
    std::uint64_t last;
  };
  // The positions of bits, both included, in a string of so many bytes; nothing if there are none.
  std::optional<Positions> Within(std::size_t bytes) const {
    const auto total = static_cast<std::int64_t>(counts_bits ? bytes * 8 : bytes);
    const std::int64_t first = std::max<std::int64_t>(start < 0 ? start + total : start, 0);
    std::int64_t last = std::max<std::int64_t>(end < 0 ? end + total : end, 0);
    last = std::min(last, total - 1);
    if (first > last) return std::nullopt;
    const std::uint64_t unit = counts_bits ? 1 : 8;
    return Positions{static_cast<std::uint64_t>(first) * unit,
                     static_cast<std::uint64_t>(last + 1) * unit - 1};
  }
};

// Answers and returns false if args[index] is neither BYTE nor BIT.
bool ReadUnit(CommandContext& ctx, std::size_t index, BitRange& range) {
  range.counts_bits = EqualsNoCase(ctx.args[index], "bit");
  if (range.counts_bits || EqualsNoCase(ctx.args[index], "byte")) return true;
  ctx.SyntaxError();
  return false;
}

void BitcountCommand(CommandContext& ctx) {
  const std::size_t count = ctx.args.size();
  if (count == 3 || count > 5) {
    ctx.SyntaxError();
    return;
  }
  BitRange range;
  if (count > 2 && (!ReadInteger(ctx, 2, range.start) || !ReadInteger(ctx, 3, range.end))) return;
  if (count == 5 && !ReadUnit(ctx, 4, range)) return;
  const Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  NumberText buffer;
  const std::string_view text = entry ? StringText(entry, buffer) : std::string_view();
  const bool is_reversed = range.start < 0 && range.end < 0 && range.start > range.end;
  const auto positions = is_reversed ? std::nullopt : range.Within(text.size());
  ctx.reply.Integer(
      positions ? static_cast<std::int64_t>(CountBits(text, positions->first, positions->last))
                : 0);
}

void BitposCommand(CommandContext& ctx) {
  const std::size_t count = ctx.args.size();
  std::int64_t bit = 0;
  BitRange range;
  if (!ReadInteger(ctx, 2, bit)) return;
  if (bit != 0 && bit != 1) {
    ctx.Error("ERR The bit argument must be 1 or 0.");
    return;
  }
  if (count > 6) {
    ctx.SyntaxError();
    return;
  }
  if (count > 3 && !ReadInteger(ctx, 3, range.start)) return;
  if (count == 6 && !ReadUnit(ctx, 5, range)) return;
  if (count > 4 && !ReadInteger(ctx, 4, range.end)) return;
  const Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  if (!entry) {
    ctx.reply.Integer(bit == 1 ? -1 : 0);
    return;
  }
  NumberText buffer;
  const std::string_view text = StringText(entry, buffer);
  const auto positions = range.Within(text.size());
  std::int64_t found = -1;
  if (positions) {
    const auto position = FindBit(text, bit == 1, positions->first, positions->last);
    // Without an end, zeros follow the string.
    const bool goes_on = bit == 0 && count < 5;
    if (position) {
      found = static_cast<std::int64_t>(*position);
    } else if (goes_on) {
      found = static_cast<std::int64_t>(text.size() * 8);
    }
  }
  ctx.reply.Integer(found);
}

std::optional<BitOperation> OperationNamed(std::string_view name) {
  if (EqualsNoCase(name, "and")) return BitOperation::kAnd;
  if (EqualsNoCase(name, "or")) return BitOperation::kOr;
  if (EqualsNoCase(name, "xor")) return BitOperation::kXor;
  if (EqualsNoCase(name, "not")) return BitOperation::kNot;
  return std::nullopt;
}

// Whether all keys from args[3] on are strings; answers an error if not. From then on none of them
// is due, so that looking them up once more ends no views.
bool CheckSources(CommandContext& ctx) {
  for (std::size_t i = 3; i < ctx.args.size(); ++i) {
    if (!ctx.CheckType(ctx.FindToRead(ctx.Key(i)), ValueType::kString)) return false;
  }
  return true;
}

// Their texts, all valid together. REQUIRES: CheckSources().
std::vector<std::string_view> SourceTexts(CommandContext& ctx, std::deque<NumberText>& buffers) {
  std::vector<std::string_view> texts;
  texts.reserve(ctx.args.size() - 3);
  for (std::size_t i = 3; i < ctx.args.size(); ++i) {
    const Entry entry = ctx.Peek(ctx.Key(i));
    texts.push_back(entry ? StringText(entry, buffers.emplace_back()) : std::string_view());
  }
  return texts;
}

// Whether the outcome may be written over `old` at once: it is as long, and if it is a source, then
// the first one and no other. `texts` are put in such an order; it does not matter to an operation.
bool CanBeWrittenOver(const Entry& old, std::size_t length, std::vector<std::string_view>& texts) {
  if (!old || old.encoding() != Encoding::kRaw || StringLength(old) != length) return false;
  const auto is_old = [&](std::string_view text) { return text.data() == old.Bytes().data(); };
  const auto count = std::count_if(texts.begin(), texts.end(), is_old);
  if (count == 1) std::swap(*std::find_if(texts.begin(), texts.end(), is_old), texts.front());
  return count <= 1;
}

void StoreCombined(CommandContext& ctx, const KeyRef& destination, BitOperation operation,
                   std::size_t length, std::vector<std::string_view>& texts) {
  const Entry old = ctx.Peek(destination);
  if (CanBeWrittenOver(old, length, texts)) {
    CombineBits(operation, texts, ctx.db.MutableBytes(old));
  } else {
    const auto combine = [&](std::span<char> result) { CombineBits(operation, texts, result); };
    ctx.db.SetFilledString(destination.slot, destination.key, length, combine, TtlChange::Clear(),
                           ctx.now_ms);
  }
}

void BitopCommand(CommandContext& ctx) {
  const auto operation = OperationNamed(ctx.args[1]);
  if (!operation) {
    ctx.SyntaxError();
    return;
  }
  if (*operation == BitOperation::kNot && ctx.args.size() != 4) {
    ctx.Error("ERR BITOP NOT must be called with a single source key.");
    return;
  }
  if (!CheckSources(ctx)) return;
  const KeyRef destination = ctx.Key(2);
  // What stood there goes in any case, and so does its time to live. Before the views are taken.
  if (const Entry old = ctx.FindToWrite(destination)) ctx.db.ClearExpiry(old);
  std::deque<NumberText> buffers;
  std::vector<std::string_view> texts = SourceTexts(ctx, buffers);
  std::size_t length = 0;
  for (const std::string_view text : texts) length = std::max(length, text.size());
  if (length > 0) {
    StoreCombined(ctx, destination, *operation, length, texts);
    ctx.KeyChanged(destination, config::kNotifyString, "set");
  } else if (ctx.db.Delete(destination.slot, destination.key, ctx.now_ms)) {
    ctx.KeyChanged(destination, config::kNotifyGeneric, "del");
  }
  ctx.reply.Integer(static_cast<std::int64_t>(length));
}

}  // namespace

std::span<const HandlerRow> BitHandlers() {
  static constexpr HandlerRow kRows[] = {{"setbit", &SetbitCommand},
                                         {"getbit", &GetbitCommand},
                                         {"bitcount", &BitcountCommand},
                                         {"bitpos", &BitposCommand},
                                         {"bitop", &BitopCommand}};
  return kRows;
}

}  // namespace slotway::storage
