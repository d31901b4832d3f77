// SPDX-License-Identifier: Apache-2.0
// Some of a hash: HSCAN and HRANDFIELD.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/element_scan.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/reply_bound.h"
#include "storage/engine/hash_handle.h"

namespace slotway::storage {
namespace {

void HscanCommand(CommandContext& ctx) {
  ScanElements<HashHandle>(
      ctx, [](HashHandle& hash, std::uint64_t cursor, std::size_t count, auto&& show) {
        return hash.Scan(cursor, count, [&](std::string_view field, std::string_view value) {
          show(field, [value] { return value; });
        });
      });
}

void ReplyField(CommandContext& ctx, std::string_view field, std::string_view value,
                bool with_values) {
  if (with_values && ctx.reply.IsResp3()) ctx.reply.Array(2);
  ctx.reply.Bulk(field);
  if (with_values) ctx.reply.Bulk(value);
}

void BeginFields(CommandContext& ctx, std::uint64_t count, bool with_values) {
  bool is_flat = with_values && !ctx.reply.IsResp3();
  ctx.reply.Array(is_flat ? 2 * count : count);
}

void ReplyRandomField(CommandContext& ctx, const HashHandle& hash, bool with_values) {
  hash.RandomField(ctx.server.random.Next(), [&](std::string_view field, std::string_view value) {
    ReplyField(ctx, field, value, with_values);
  });
}

// `count` different fields, every choice as likely as any other.
void ReplyDistinctFields(CommandContext& ctx, const HashHandle& hash, std::size_t count,
                         bool with_values) {
  std::size_t wanted = std::min(count, hash.Size());
  BeginFields(ctx, wanted, with_values);
  hash.RandomDistinctFields(
      wanted, [&ctx] { return ctx.server.random.Next(); },
      [&](std::string_view field, std::string_view value) {
        ReplyField(ctx, field, value, with_values);
      });
}

void HrandfieldCommand(CommandContext& ctx) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (ctx.args.size() == 2) {
    auto opened = OpenToRead<HashHandle>(ctx);
    if (opened.is_wrong_type) return;
    if (opened.handle) {
      ReplyRandomField(ctx, *opened.handle, false);
    } else {
      ctx.reply.Null();
    }
    return;
  }
  std::int64_t count = 0;
  if (!ReadInteger(ctx, 2, count)) return;
  if (count < -kMax) {
    ctx.Error(kHasNoOpposite);
    return;
  }
  bool with_values = ctx.args.size() == 4 && EqualsNoCase(ctx.args[3], "withvalues");
  if (ctx.args.size() > 3 && !with_values) {
    ctx.SyntaxError();
    return;
  }
  if (with_values && (count < -kMax / 2 || count > kMax / 2)) {
    ctx.Error(protocol::error_text::kOutOfRange);
    return;
  }
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle || count == 0) {
    ctx.reply.Array(0);
  } else if (count > 0) {
    ReplyDistinctFields(ctx, *opened.handle, static_cast<std::size_t>(count), with_values);
  } else {
    auto repeats = static_cast<std::uint64_t>(-count);
    if (!MayAnswer(ctx, repeats)) return;
    BeginFields(ctx, repeats, with_values);
    AnswerInPieces(ctx, repeats, [&](std::uint64_t piece) {
      for (; piece > 0; --piece) ReplyRandomField(ctx, *opened.handle, with_values);
    });
  }
}

}  // namespace

std::span<const HandlerRow> HashScanHandlers() {
  static constexpr HandlerRow kRows[] = {{"hscan", &HscanCommand},
                                         {"hrandfield", &HrandfieldCommand}};
  return kRows;
}

}  // namespace slotway::storage
