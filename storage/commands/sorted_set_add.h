// SPDX-License-Identifier: Apache-2.0
// Members given scores, as ZADD, ZINCRBY and GEOADD do it.
#pragma once

#include <span>

#include "storage/commands/command_context.h"
#include "storage/types/sorted_set_order.h"

namespace slotway::storage {

struct AddOptions {
  bool only_new = false;       // NX
  bool only_existing = false;  // XX
  bool only_greater = false;   // GT: an existing score only grows
  bool only_less = false;      // LT
  bool counts_changed = false; // CH: the reply counts updates, too
  bool increments = false;     // INCR: the reply is the score. REQUIRES: one item
};

// Sets the scores under args[1] and answers.
void AddMembers(CommandContext& ctx, const AddOptions& options,
                std::span<const ScoredMember> items);

}  // namespace slotway::storage
