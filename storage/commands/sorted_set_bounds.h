// SPDX-License-Identifier: Apache-2.0
// The bounds of ranges of sorted sets, as arguments write them: ranks (0, -1), scores (1.5, (1.5,
// -inf), texts ([a, (a, -, +).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {

// What two ranks name, negative ones counting from the end.
struct RankBounds {
  std::int64_t first = 0;
  std::int64_t last = 0;

  RankRange Of(std::size_t size) const;
};

// All read args[min_index] and args[max_index]; they answer an error and return nothing if either
// is no bound. Texts view the arguments.
std::optional<RankBounds> ReadRankBounds(CommandContext& ctx, std::size_t first_index,
                                         std::size_t last_index);
std::optional<ScoreRange> ReadScoreRange(CommandContext& ctx, std::size_t min_index,
                                         std::size_t max_index);
std::optional<LexRange> ReadLexRange(CommandContext& ctx, std::size_t min_index,
                                     std::size_t max_index);

}  // namespace slotway::storage
