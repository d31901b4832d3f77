// SPDX-License-Identifier: Apache-2.0
// SORT and SORT_RO: options are read as Redis reads them; what can be sorted are lists, sets and
// sorted sets, so until those exist a key is either absent or of the wrong type.
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

struct SortOptions {
  std::size_t store_index = 0;  // of the destination key in the arguments; 0: none
  std::size_t get_count = 0;
};

bool ReadSortOptions(CommandContext& ctx, bool allows_store, SortOptions& options) {
  ArgumentReader reader(ctx, 2);
  auto deny_in_cluster = [&](std::string_view pattern, std::string_view error) {
    bool is_lookup = pattern.find('*') != std::string_view::npos;
    if (is_lookup && ctx.server.IsClusterEnabled()) reader.Fail(error);
  };
  while (reader.HasMore()) {
    if (reader.TakeWord("asc") || reader.TakeWord("desc") || reader.TakeWord("alpha")) continue;
    if (reader.TakeWord("limit", 2)) {
      reader.TakeInteger();
      reader.TakeInteger();
    } else if (allows_store && reader.TakeWord("store", 1)) {
      options.store_index = reader.Position();
      reader.Take();
    } else if (reader.TakeWord("by", 1)) {
      deny_in_cluster(reader.Take(), "ERR BY option of SORT denied in cluster mode.");
    } else if (reader.TakeWord("get", 1)) {
      std::string_view pattern = reader.Take();
      if (pattern != "#") {
        deny_in_cluster(pattern, "ERR GET option of SORT denied in cluster mode.");
      }
      ++options.get_count;
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

void Sort(CommandContext& ctx, bool allows_store) {
  SortOptions options;
  if (!ReadSortOptions(ctx, allows_store, options)) return;
  Entry entry = options.store_index != 0 ? ctx.FindToWrite(ctx.Key(1)) : ctx.FindToRead(ctx.Key(1));
  if (entry) {
    ctx.Error(protocol::error_text::kWrongType);
    return;
  }
  if (options.store_index == 0) {
    ctx.reply.Array(0);
    return;
  }
  KeyRef target = ctx.Key(options.store_index);
  if (ctx.db.Delete(target.slot, target.key, ctx.now_ms)) {
    ctx.KeyChanged(target, config::kNotifyGeneric, "del");
  }
  ctx.reply.Integer(0);
}

void SortCommand(CommandContext& ctx) { Sort(ctx, true); }
void SortRoCommand(CommandContext& ctx) { Sort(ctx, false); }

}  // namespace

std::span<const HandlerRow> SortHandlers() {
  static constexpr HandlerRow kRows[] = {{"sort", &SortCommand}, {"sort_ro", &SortRoCommand}};
  return kRows;
}

}  // namespace slotway::storage
