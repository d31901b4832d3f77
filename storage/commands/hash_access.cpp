// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/hash_access.h"

namespace slotway::storage {
namespace {

OpenedHash Open(CommandContext& ctx, const Entry& entry) {
  OpenedHash opened;
  opened.is_wrong_type = !ctx.CheckType(entry, ValueType::kHash);
  if (entry && !opened.is_wrong_type) opened.hash.emplace(ctx.db, entry);
  return opened;
}

}  // namespace

OpenedHash OpenHashToRead(CommandContext& ctx) { return Open(ctx, ctx.FindToRead(ctx.Key(1))); }
OpenedHash OpenHashToWrite(CommandContext& ctx) { return Open(ctx, ctx.FindToWrite(ctx.Key(1))); }

void DeleteIfEmpty(CommandContext& ctx, const HashHandle& hash, const KeyRef& key) {
  if (hash.Size() > 0) return;
  ctx.db.Delete(hash.entry());
  ctx.KeyChanged(key, config::kNotifyGeneric, "del");
}

}  // namespace slotway::storage
