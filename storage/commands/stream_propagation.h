// SPDX-License-Identifier: Apache-2.0
// What consumer groups remember, in the stream of changes: reading for a group is repeated as the
// claims that have the same effect.
#pragma once

#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/stream_arguments.h"
#include "storage/types/stream_value.h"

namespace slotway::storage {

struct NamedGroup {
  std::string_view key;
  std::string_view name;
  StreamGroup& group;
};

// The entry is pending with its consumer, as it is now.
void PropagateClaim(CommandContext& ctx, const NamedGroup& group, StreamId id,
                    const PendingEntry& entry);
// How far the group has read.
void PropagateGroupPosition(CommandContext& ctx, const NamedGroup& group);
// It is pending no longer.
void PropagateAcknowledged(CommandContext& ctx, const NamedGroup& group, StreamId id);

// XADD and XTRIM, as they have the same effect once more: with the id that came of it, and what was
// trimmed by rough measure with the exact one.
void PropagateStreamChange(CommandContext& ctx, const StreamTrimArguments& arguments,
                           const StreamValue& stream, std::string_view id);

}  // namespace slotway::storage
