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
     .summary = ""},
    {.name = "exec",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kSkipSlowlog,
     .categories = Acl::kTransaction,
     .since = "1.2.0",
     .summary = ""},
    {.name = "multi",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kNoMulti | kAllowBusy,
     .categories = Acl::kTransaction,
     .since = "1.2.0",
     .summary = ""},
    {.name = "unwatch",
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = Acl::kTransaction,
     .since = "2.2.0",
     .summary = ""},
    {.name = "watch",
     .arity = -2,
     .flags = kNoscript | kLoading | kStale | kFast | kNoMulti | kAllowBusy,
     .categories = Acl::kTransaction,
     .key_specs = kAllInspectKeys,
     .since = "2.2.0",
     .summary = ""},
};

}  // namespace

constinit const CommandFamily kTransactionsFamily{.group = "transactions", .rows = kRows};

}  // namespace slotway::protocol::command_rows
