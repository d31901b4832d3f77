// SPDX-License-Identifier: Apache-2.0
// The families of the command table, one per file of this folder, and the words rows are written
// in.
//
// A row states only what does not follow from its other columns (CompleteRow() adds the rest):
// no @read, @write, @fast, @slow, @admin, @dangerous of an admin command, @pubsub or @blocking; no
// old key range; no movablekeys. Families and rows are constant-initialised.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "protocol/command.h"

namespace slotway::protocol::command_rows {

struct CommandFamily {
  std::string_view group;  // as COMMAND DOCS names it
  std::span<const CommandSpec> rows;
};

extern const CommandFamily kBitmapFamily;
extern const CommandFamily kClusterFamily;
extern const CommandFamily kConnectionFamily;
extern const CommandFamily kGenericFamily;
extern const CommandFamily kGeoFamily;
extern const CommandFamily kHashFamily;
extern const CommandFamily kHyperloglogFamily;
extern const CommandFamily kListFamily;
extern const CommandFamily kPubsubFamily;
extern const CommandFamily kScriptingFamily;
extern const CommandFamily kServerFamily;
extern const CommandFamily kSetFamily;
extern const CommandFamily kSlotwayFamily;
extern const CommandFamily kSortedSetFamily;
extern const CommandFamily kStreamFamily;
extern const CommandFamily kStringFamily;
extern const CommandFamily kTransactionsFamily;

// The tips that are not policies.
inline constexpr std::string_view kNondeterministicOutput[] = {"nondeterministic_output"};
inline constexpr std::string_view kNondeterministicOrder[] = {"nondeterministic_output_order"};

}  // namespace slotway::protocol::command_rows
