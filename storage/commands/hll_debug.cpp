// SPDX-License-Identifier: Apache-2.0
// HyperLogLogs from inside, for tests: PFDEBUG, PFSELFTEST.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
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

// The entry as a dense one; answers an error and returns none if it is broken.
std::optional<Entry> ToDense(CommandContext& ctx, const Entry& entry) {
  if (HllEncodingOf(entry.Bytes()) == HllEncoding::kDense) return entry;
  std::string value(entry.Bytes());
  if (!MakeHllDense(value)) {
    ctx.Error(kBrokenHll);
    return std::nullopt;
  }
  const Entry dense = ctx.db.ReplaceBytes(entry, Encoding::kRaw, value);
  ctx.KeyChangedSilently(ctx.Key(2));
  return dense;
}

void ReplyRegisters(CommandContext& ctx, const Entry& entry) {
  const auto dense = ToDense(ctx, entry);
  if (!dense) return;
  const std::string_view packed = dense->Bytes().substr(kHllHeaderBytes);
  ctx.reply.Array(kHllRegisters);
  for (std::size_t i = 0; i < kHllRegisters; ++i) ctx.reply.Integer(HllDenseGet(packed, i));
}

// "z:3 v:1,2 Z:16379": zeros in one byte, values with their count, zeros in two bytes.
void ReplyRuns(CommandContext& ctx, const Entry& entry) {
  const std::string_view value = entry.Bytes();
  if (HllEncodingOf(value) != HllEncoding::kSparse) {
    ctx.Error("ERR HLL encoding is not sparse");
    return;
  }
  std::string text;
  for (std::size_t at = kHllHeaderBytes; at < value.size();) {
    const HllRun run = HllRunAt(value, at);
    if (!text.empty()) text.push_back(' ');
    text.append(run.value != 0 ? "v:" : run.is_long ? "Z:" : "z:");
    if (run.value != 0) text.append(std::to_string(run.value)).push_back(',');
    text.append(std::to_string(run.length));
    at = run.End();
  }
  ctx.reply.Bulk(text);
}

void PfdebugCommand(CommandContext& ctx) {
  const Entry entry = ctx.FindToWrite(ctx.Key(2));
  if (!entry) {
    ctx.Error("ERR The specified key does not exist");
    return;
  }
  if (!CheckHll(ctx, entry)) return;
  const bool is_sparse = HllEncodingOf(entry.Bytes()) == HllEncoding::kSparse;
  const std::string_view what = ctx.args[1];
  if (EqualsNoCase(what, "getreg")) {
    ReplyRegisters(ctx, entry);
  } else if (EqualsNoCase(what, "decode")) {
    ReplyRuns(ctx, entry);
  } else if (EqualsNoCase(what, "encoding")) {
    ctx.reply.SimpleString(is_sparse ? "sparse" : "dense");
  } else if (EqualsNoCase(what, "todense")) {
    if (ToDense(ctx, entry)) ctx.reply.Integer(is_sparse ? 1 : 0);
  } else {
    ctx.Error("ERR Unknown PFDEBUG subcommand '" + std::string(what) + "'");
  }
}

// Random registers, packed and read again. What was wrong; empty if nothing was.
std::string TestRegisters(runtime::Random& random) {
  constexpr int kRounds = 100;
  std::string packed(kHllDenseBytes - kHllHeaderBytes, '\0');
  for (int round = 0; round < kRounds; ++round) {
    HllRegisters registers;
    for (std::uint8_t& value : registers) value = static_cast<std::uint8_t>(random.Next() & 63);
    HllDensePack(registers, packed);
    for (std::size_t i = 0; i < kHllRegisters; ++i) {
      const std::uint8_t value = HllDenseGet(packed, i);
      if (value == registers[i]) continue;
      return "ERR TESTFAILED Register " + std::to_string(i) + " should be " +
             std::to_string(registers[i]) + " but is " + std::to_string(value);
    }
  }
  return {};
}

// Whether the estimate of `added` distinct elements is no further off than six standard errors.
std::string CheckEstimate(std::uint64_t added, std::string_view value) {
  const auto histogram = HistogramOf(value);
  if (!histogram) return "ERR TESTFAILED dense/sparse disagree";
  const auto estimate = static_cast<double>(EstimateCount(*histogram));
  const double error = std::abs(estimate - static_cast<double>(added));
  const double standard_error = 1.04 / std::sqrt(static_cast<double>(kHllRegisters));
  const double error_max =
      added == 10 ? 1 : std::ceil(standard_error * 6 * static_cast<double>(added));
  if (error <= error_max) return {};
  return "ERR TESTFAILED Too big error. card:" + std::to_string(added) +
         " abserr:" + std::to_string(static_cast<std::uint64_t>(error));
}

// Distinct elements into a dense and a sparse one: they agree, and are near the truth.
std::string TestEstimates(CommandContext& ctx) {
  constexpr std::uint64_t kElements = 1'000'000;
  const std::uint64_t bytes_max = ctx.server.Config().hll_sparse_max_bytes;
  const std::uint64_t seed = ctx.server.random.Next();
  std::string dense = EmptyHll();
  std::string sparse = EmptyHll();
  MakeHllDense(dense);
  HllSparseEditor editor(sparse, bytes_max);
  const auto raise_dense = [](std::string& value, HllPlace place) {
    HllDenseRaise(std::span(value).subspan(kHllHeaderBytes), place);
  };
  std::uint64_t checkpoint = 1;
  // An element makes one run into three at most: three bytes more.
  for (std::uint64_t i = 1; i <= kElements; ++i) {
    const std::uint64_t element = i ^ seed;
    char bytes[sizeof element];
    std::memcpy(bytes, &element, sizeof element);
    const HllPlace place = HllPlaceOf({bytes, sizeof bytes});
    raise_dense(dense, place);
    if (HllEncodingOf(sparse) == HllEncoding::kSparse) {
      editor.Raise(place);
    } else {
      raise_dense(sparse, place);
    }
    if (i != checkpoint) continue;
    if (EmptyHll().size() + 3 * i <= bytes_max && HllEncodingOf(sparse) != HllEncoding::kSparse) {
      return "ERR TESTFAILED sparse encoding not used";
    }
    if (HistogramOf(dense) != HistogramOf(sparse)) return "ERR TESTFAILED dense/sparse disagree";
    if (std::string error = CheckEstimate(i, dense); !error.empty()) return error;
    checkpoint *= 10;
  }
  return {};
}

void PfselftestCommand(CommandContext& ctx) {
  std::string error = TestRegisters(ctx.server.random);
  if (error.empty()) error = TestEstimates(ctx);
  if (error.empty()) {
    ctx.reply.Ok();
  } else {
    ctx.Error(error);
  }
}

}  // namespace

std::span<const HandlerRow> HllDebugHandlers() {
  static constexpr HandlerRow kRows[] = {{"pfdebug", &PfdebugCommand},
                                         {"pfselftest", &PfselftestCommand}};
  return kRows;
}

}  // namespace slotway::storage
