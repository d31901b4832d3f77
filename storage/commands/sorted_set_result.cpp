// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/sorted_set_result.h"

#include <utility>

#include "storage/commands/encoding_limits.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {

// Hashes otherwise than any set that it may be made of: members that come in the order of their
// hashes would crowd in few buckets.
std::unique_ptr<SortedSetTable> NewSortedSet(CommandContext& ctx) {
  return std::make_unique<SortedSetTable>(ctx.db.arena(),
                                          ctx.db.hash_seed() + ctx.server.random.Next());
}

void StoreResult(CommandContext& ctx, const KeyRef& key, std::unique_ptr<SortedSetTable> result,
                 std::string_view event) {
  const std::size_t count = result->ElementCount();
  if (count > 0) {
    SortedSetHandle::Store(ctx.db, key, std::move(result), SortedSetLimitsOf(ctx.server.Config()),
                           ctx.now_ms);
    ctx.KeyChanged(key, config::kNotifyZset, event);
  } else if (ctx.db.Delete(key.slot, key.key, ctx.now_ms)) {
    ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  }
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void ReplyMember(CommandContext& ctx, const ScoredMember& item, bool with_score) {
  if (with_score && ctx.reply.IsResp3()) ctx.reply.Array(2);
  ctx.reply.Bulk(item.member);
  if (with_score) ctx.reply.Double(item.score);
}

void BeginMembers(CommandContext& ctx, std::size_t count, bool with_scores) {
  const bool is_flat = with_scores && !ctx.reply.IsResp3();
  ctx.reply.Array(is_flat ? 2 * count : count);
}

}  // namespace slotway::storage
