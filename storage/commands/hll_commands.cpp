// SPDX-License-Identifier: Apache-2.0
// How many distinct elements there were: PFADD, PFCOUNT, PFMERGE.
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/hll_access.h"
#include "storage/types/hll_dense.h"
#include "storage/types/hll_estimate.h"
#include "storage/types/hll_sparse.h"

namespace slotway::storage {
namespace {

enum class AddOutcome : std::uint8_t { kUnchanged, kChanged, kBroken };

// Adds the elements from args[2] on to a dense one, in its place.
AddOutcome AddToDense(CommandContext& ctx, const Entry& entry) {
  const std::span<char> value = ctx.db.MutableBytes(entry);
  auto outcome = AddOutcome::kUnchanged;
  for (const std::string_view element : ctx.args.subspan(2)) {
    if (HllDenseRaise(value.subspan(kHllHeaderBytes), HllPlaceOf(element))) {
      outcome = AddOutcome::kChanged;
    }
  }
  if (outcome == AddOutcome::kChanged) DropHllCachedCount(value);
  return outcome;
}

// Adds them to a sparse one, which may become dense on the way. A new one has changed in any case.
AddOutcome AddToSparse(CommandContext& ctx, std::string& value, bool is_new) {
  HllSparseEditor editor(value, ctx.server.Config().hll_sparse_max_bytes);
  auto outcome = is_new ? AddOutcome::kChanged : AddOutcome::kUnchanged;
  for (const std::string_view element : ctx.args.subspan(2)) {
    const HllPlace place = HllPlaceOf(element);
    if (HllEncodingOf(value) == HllEncoding::kDense) {
      if (HllDenseRaise(std::span(value).subspan(kHllHeaderBytes), place)) {
        outcome = AddOutcome::kChanged;
      }
      continue;
    }
    const HllRaise raise = editor.Raise(place);
    if (raise == HllRaise::kBroken) return AddOutcome::kBroken;
    if (raise == HllRaise::kRaised) outcome = AddOutcome::kChanged;
  }
  if (outcome == AddOutcome::kChanged) DropHllCachedCount(value);
  return outcome;
}

void StoreHll(CommandContext& ctx, const KeyRef& key, const Entry& entry, std::string_view value) {
  if (entry) {
    ctx.db.ReplaceBytes(entry, Encoding::kRaw, value);
  } else {
    ctx.db.SetBytes(key.slot, key.key, ValueType::kString, Encoding::kRaw, value,
                    TtlChange::Clear(), ctx.now_ms);
  }
}

void PfaddCommand(CommandContext& ctx) {
  const KeyRef key = ctx.Key(1);
  const Entry entry = ctx.FindToWrite(key);
  if (entry && !CheckHll(ctx, entry)) return;
  auto outcome = AddOutcome::kUnchanged;
  if (entry && HllEncodingOf(entry.Bytes()) == HllEncoding::kDense) {
    outcome = AddToDense(ctx, entry);
  } else {
    std::string value = entry ? std::string(entry.Bytes()) : EmptyHll();
    outcome = AddToSparse(ctx, value, !entry);
    // Even a broken one has taken what came before the element that found it out.
    if (outcome != AddOutcome::kUnchanged) StoreHll(ctx, key, entry, value);
  }
  if (outcome == AddOutcome::kBroken) {
    ctx.Error(kBrokenHll);
    return;
  }
  const bool has_changed = outcome == AddOutcome::kChanged;
  if (has_changed) ctx.KeyChanged(key, config::kNotifyString, "pfadd");
  ctx.reply.Integer(has_changed ? 1 : 0);
}

// Raises `into` to the registers of the key in args[index]; answers an error and returns false if
// that is no HyperLogLog. An absent key raises nothing.
bool MergeKey(CommandContext& ctx, std::size_t index, HllRegisters& into, bool& is_any_dense) {
  const Entry entry = ctx.FindToRead(ctx.Key(index));
  if (!entry) return true;
  if (!CheckHll(ctx, entry)) return false;
  const std::string_view value = entry.Bytes();
  if (HllEncodingOf(value) == HllEncoding::kDense) {
    is_any_dense = true;
    HllDenseMerge(value.substr(kHllHeaderBytes), into);
    return true;
  }
  if (HllSparseMerge(value, into)) return true;
  ctx.Error(kBrokenHll);
  return false;
}

// Remembers the count in the header. A value too short to be changed in its place is stored anew.
void KeepCount(CommandContext& ctx, const Entry& entry, std::uint64_t count) {
  if (entry.encoding() == Encoding::kRaw) {
    SetHllCachedCount(ctx.db.MutableBytes(entry), count);
    return;
  }
  std::string value(entry.Bytes());
  SetHllCachedCount(value, count);
  ctx.db.ReplaceBytes(entry, Encoding::kRaw, value);
}

void CountOne(CommandContext& ctx) {
  const KeyRef key = ctx.Key(1);
  const Entry entry = ctx.FindToRead(key);
  if (!entry) {
    ctx.reply.Integer(0);
    return;
  }
  if (!CheckHll(ctx, entry)) return;
  if (const auto cached = HllCachedCount(entry.Bytes())) {
    ctx.reply.Integer(static_cast<std::int64_t>(*cached));
    return;
  }
  const auto histogram = HistogramOf(entry.Bytes());
  if (!histogram) {
    ctx.Error(kBrokenHll);
    return;
  }
  const std::uint64_t count = EstimateCount(*histogram);
  KeepCount(ctx, entry, count);
  ctx.KeyChangedSilently(key);
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void PfcountCommand(CommandContext& ctx) {
  if (ctx.args.size() == 2) {
    CountOne(ctx);
    return;
  }
  HllRegisters registers{};
  bool is_any_dense = false;
  for (std::size_t i = 1; i < ctx.args.size(); ++i) {
    if (!MergeKey(ctx, i, registers, is_any_dense)) return;
  }
  ctx.reply.Integer(static_cast<std::int64_t>(EstimateCount(HistogramOf(registers))));
}

// Raises the registers of a sparse value; from the moment it becomes dense they are packed.
void RaiseAll(CommandContext& ctx, const HllRegisters& registers, std::string& value) {
  HllSparseEditor editor(value, ctx.server.Config().hll_sparse_max_bytes);
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    if (registers[i] == 0) continue;
    editor.Raise({.index = static_cast<std::uint16_t>(i), .count = registers[i]});
    if (HllEncodingOf(value) != HllEncoding::kDense) continue;
    HllDensePack(registers, std::span(value).subspan(kHllHeaderBytes));
    return;
  }
}

void PfmergeCommand(CommandContext& ctx) {
  HllRegisters registers{};
  bool is_any_dense = false;
  for (std::size_t i = 1; i < ctx.args.size(); ++i) {
    if (!MergeKey(ctx, i, registers, is_any_dense)) return;
  }
  const KeyRef key = ctx.Key(1);
  const Entry entry = ctx.FindToWrite(key);
  // The destination is one of those that were merged, so nothing of it is lost.
  std::string value = entry ? std::string(entry.Bytes()) : EmptyHll();
  if (is_any_dense) {
    value[4] = static_cast<char>(HllEncoding::kDense);
    value.resize(kHllDenseBytes);
    HllDensePack(registers, std::span(value).subspan(kHllHeaderBytes));
  } else {
    RaiseAll(ctx, registers, value);
  }
  DropHllCachedCount(value);
  StoreHll(ctx, key, entry, value);
  ctx.KeyChanged(key, config::kNotifyString, "pfadd");
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> HllHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"pfadd", &PfaddCommand}, {"pfcount", &PfcountCommand}, {"pfmerge", &PfmergeCommand}};
  return kRows;
}

}  // namespace slotway::storage
