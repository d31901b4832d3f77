// SPDX-License-Identifier: Apache-2.0
// What list commands have in common: the two ends, pushing to and popping from them, elements as
// replies.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/engine/list_handle.h"

namespace slotway::storage {

enum class ListEnd : std::uint8_t { kLeft, kRight };

// LEFT or RIGHT; answers a syntax error and returns false if it is neither.
bool ReadListEnd(CommandContext& ctx, std::size_t index, ListEnd& end);

constexpr std::string_view PushEvent(ListEnd end) {
  return end == ListEnd::kLeft ? "lpush" : "rpush";
}

constexpr std::string_view PopEvent(ListEnd end) { return end == ListEnd::kLeft ? "lpop" : "rpop"; }

constexpr std::string_view PopCommand(ListEnd end) {
  return end == ListEnd::kLeft ? "LPOP" : "RPOP";
}

// One after the other: pushed to the left they stand in reverse order.
void PushAll(ListHandle& list, ListEnd end, std::span<const std::string_view> texts,
             const ListLimits& limits);
// Replies `count` elements as bulks, removes them, and tells of it; the key goes with its last one.
// REQUIRES: 0 < count <= list.Size().
void PopAndReply(CommandContext& ctx, ListHandle& list, ListEnd end, std::size_t count,
                 const KeyRef& key);
// REQUIRES: there are as many.
void ReplyElements(CommandContext& ctx, const ListHandle& list, std::size_t first,
                   std::size_t count);

}  // namespace slotway::storage
