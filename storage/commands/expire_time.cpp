// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/expire_time.h"

#include "storage/commands/number_text.h"

namespace slotway::storage {

std::optional<std::int64_t> ToUnixMs(std::int64_t value, ExpireUnit unit, std::int64_t now_ms) {
  if (unit.is_seconds && __builtin_mul_overflow(value, std::int64_t{1000}, &value)) {
    return std::nullopt;
  }
  return unit.is_absolute ? value : AddChecked(value, now_ms);
}

bool IsOver(const CommandContext& ctx, std::int64_t at_ms) {
  const bool is_repeated = ctx.server.persistence.loading.is_loading ||
                           ctx.server.replication.is_replica ||
                           ctx.client.Is(ClientWay::kImporting);
  return at_ms <= ctx.now_ms && !is_repeated;
}

bool ExpireAt(CommandContext& ctx, const KeyRef& key, const Entry& entry, std::int64_t at_ms) {
  if (!IsOver(ctx, at_ms)) {
    ctx.db.SetExpiry(entry, at_ms);
    ctx.KeyChanged(key, config::kNotifyGeneric, "expire");
    return true;
  }
  ctx.db.Delete(entry);
  ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  ctx.PropagateAs({ctx.server.Config().lazyfree_lazy_expire ? "UNLINK" : "DEL", key.key});
  return false;
}

}  // namespace slotway::storage
