// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_rows/command_family.h"
#include "protocol/command_rows/key_specs.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;
using Acl = AclCategory;

constexpr CommandSpec kRows[] = {
    {.name = "discard",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = Acl::kTransaction,
     .since = "2.0.0",
     .summary = "Drops the requests queued since MULTI."},
    {.name = "exec",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kSkipSlowlog,
     .categories = Acl::kTransaction,
     .since = "1.2.0",
     .summary = "Executes the requests queued since MULTI as one."},
    {.name = "multi",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kNoMulti | kAllowBusy,
     .categories = Acl::kTransaction,
     .since = "1.2.0",
     .summary = "Begins a transaction."},
    {.name = "unwatch",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = Acl::kTransaction,
     .since = "2.2.0",
     .summary = "Forgets the watched keys."},
    {.name = "watch",
     .arity = -2,
     .flags = kNoscript | kLoading | kStale | kFast | kNoMulti | kAllowBusy,
     .categories = Acl::kTransaction,
     .key_specs = kAllInspectKeys,
     .since = "2.2.0",
     .summary = "Makes the next EXEC depend on keys staying unchanged."},
};

}  // namespace

constinit const CommandFamily kTransactionsFamily{.group = "transactions", .rows = kRows};

}  // namespace slotway::protocol::command_rows
