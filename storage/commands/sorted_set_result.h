// SPDX-License-Identifier: Apache-2.0
// What commands answer and store: members of sorted sets, and whole sets as results.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/types/sorted_set_value.h"

namespace slotway::storage {

// An empty set to collect a result in.
std::unique_ptr<SortedSetTable> NewSortedSet(CommandContext& ctx);
// Overwrites `key` with a result and answers its size; an empty one deletes the key.
void StoreResult(CommandContext& ctx, const KeyRef& key, std::unique_ptr<SortedSetTable> result,
                 std::string_view event);

// One member of a reply, with its score if asked for. Pairs are nested in RESP3.
void ReplyMember(CommandContext& ctx, const ScoredMember& item, bool with_score);
// The head of a reply of `count` such members.
void BeginMembers(CommandContext& ctx, std::size_t count, bool with_scores);

}  // namespace slotway::storage
