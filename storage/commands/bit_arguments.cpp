// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/bit_arguments.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "storage/commands/number_text.h"
#include "storage/commands/string_length.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kBadPosition = "ERR bit offset is not an integer or out of range";
// A new string up to this is made in one piece; a longer one grows out of an empty one.
constexpr std::size_t kNewBytesMax = 1024;

}  // namespace

bool ReadBitPosition(CommandContext& ctx, std::size_t index, int field_bits,
                     std::uint64_t& position) {
  std::string_view text = ctx.args[index];
  const bool counts_fields = field_bits > 0 && text.starts_with('#');
  if (counts_fields) text.remove_prefix(1);
  auto number = ParseInteger(text);
  std::int64_t first = number.value_or(-1);
  if (counts_fields && __builtin_mul_overflow(first, field_bits, &first)) first = -1;
  if (first < 0 || static_cast<std::uint64_t>(first) / 8 >= StringLengthMax(ctx)) {
    ctx.Error(kBadPosition);
    return false;
  }
  position = static_cast<std::uint64_t>(first);
  return true;
}

WritableBits MakeRoomForBits(CommandContext& ctx, const KeyRef& key, const Entry& entry,
                             std::size_t length) {
  if (!entry && length <= kNewBytesMax) {
    static constexpr char kZeros[kNewBytesMax] = {};
    return {ctx.db.SetBytes(key.slot, key.key, ValueType::kString, Encoding::kRaw, {kZeros, length},
                            TtlChange::Clear(), ctx.now_ms),
            true};
  }
  const Entry old =
      entry ? entry : ctx.db.SetString(key.slot, key.key, "", TtlChange::Clear(), ctx.now_ms);
  const std::size_t old_length = StringLength(old);
  if (old.encoding() == Encoding::kRaw && old_length >= length) return {old, false};
  return {ctx.db.ResizeString(old, std::max(old_length, length)), old_length < length};
}

}  // namespace slotway::storage
