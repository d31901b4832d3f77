// SPDX-License-Identifier: Apache-2.0
// All keys: KEYS and SCAN.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/glob.h"
#include "storage/commands/command_context.h"
#include "storage/commands/due_keys.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/scan_options.h"

namespace slotway::storage {
namespace {

void KeysCommand(CommandContext& ctx) {
  std::string_view pattern = ctx.args[1];
  constexpr std::size_t kStep = 1024;
  bool takes_all = pattern == "*";
  std::vector<std::string_view> keys;  // the keyspace does not change meanwhile
  std::uint64_t cursor = 0;
  do {
    cursor = ctx.db.Scan(cursor, kStep, ctx.now_ms, [&](const Entry& entry) {
      if (takes_all || protocol::GlobMatches(pattern, entry.key())) keys.push_back(entry.key());
    });
  } while (cursor != 0);
  ctx.reply.Array(keys.size());
  for (std::string_view key : keys) ctx.reply.Bulk(key);
}

bool IsDue(const Entry& entry, std::int64_t now_ms) {
  const auto at_ms = entry.expire_at_ms();
  return at_ms && *at_ms < now_ms;
}

// What it meets and would answer, had its time not come, is deleted: as by any other access.
void ScanCommand(CommandContext& ctx) {
  std::uint64_t cursor = 0;
  ScanOptions options;
  if (!ReadScanCursor(ctx, 1, cursor) || !ReadScanOptions(ctx, 2, true, options)) return;
  std::vector<std::string_view> keys;
  std::vector<std::string> due_keys;
  {
    const DueKeysShown shown(ctx.db);
    cursor = ctx.db.Scan(cursor, options.count, ctx.now_ms, [&](const Entry& entry) {
      const bool is_wanted =
          options.Matches(entry.key()) && (options.type.data() == nullptr ||
                                           EqualsNoCase(options.type, ValueTypeName(entry.type())));
      if (!is_wanted) return;
      if (!IsDue(entry, ctx.now_ms)) {
        keys.push_back(entry.key());
      } else if (shown.AreDeletedLater()) {
        due_keys.emplace_back(entry.key());
      }
    });
  }
  ctx.reply.Array(2);
  ctx.reply.Bulk(std::to_string(cursor));
  ctx.reply.Array(keys.size());
  for (std::string_view key : keys) ctx.reply.Bulk(key);
  for (const std::string& key : due_keys) {
    ctx.db.Exists(protocol::SlotOfKey(key), key, ctx.now_ms);
  }
}

}  // namespace

std::span<const HandlerRow> KeyScanHandlers() {
  static constexpr HandlerRow kRows[] = {{"keys", &KeysCommand}, {"scan", &ScanCommand}};
  return kRows;
}

}  // namespace slotway::storage
