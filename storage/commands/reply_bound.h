// SPDX-License-Identifier: Apache-2.0
// Replies whose length the client chooses, however few elements there are: SRANDMEMBER and its like
// with a negative count. They end where the client's output does: at client-output-buffer-limit, at
// maxmemory-clients, or at a quarter of the machine's memory. Engine thread only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// Whether a reply of `count` elements may begin. If not, the client is cut off, or a script gets an
// error.
bool MayAnswer(CommandContext& ctx, std::uint64_t count);

// Whether the reply may go on. If not, the client is cut off; what is in its output never leaves.
bool MayGoOnAnswering(CommandContext& ctx);

// answer(n) writes the next n of `count` elements.
template <class AnswerFn>
void AnswerInPieces(CommandContext& ctx, std::uint64_t count, AnswerFn&& answer) {
  constexpr std::uint64_t kPiece = 1024;
  while (count > 0) {
    const std::uint64_t piece = std::min(count, kPiece);
    answer(piece);
    count -= piece;
    if (count > 0 && !MayGoOnAnswering(ctx)) return;
  }
}

}  // namespace slotway::storage
