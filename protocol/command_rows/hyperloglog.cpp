// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_rows/command_family.h"
#include "protocol/command_rows/key_specs.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;
using Acl = AclCategory;

constexpr KeySpec kPfcountKeys[] = {
    WithNotes(KeysAt(1, KeyFlag::kReadWrite | KeyFlag::kAccess, -1),
              "RW as the cached cardinality inside the value may be refreshed")};
constexpr KeySpec kPfdebugKey[] = {KeysAt(2, KeyFlag::kReadWrite | KeyFlag::kAccess)};
constexpr KeySpec kPfmergeKeys[] = {
    KeysAt(1, KeyFlag::kReadWrite | KeyFlag::kAccess | KeyFlag::kInsert), KeysAt(2, kRead, -1)};

constexpr CommandSpec kRows[] = {
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyoom | kFast,
     .categories = Acl::kHyperloglog,
     .key_specs = kOneInsertKey,
     .since = "2.8.9",
     .summary = "Adds elements to a HyperLogLog."},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfcountKeys,
     .since = "2.8.9",
     .summary = "Estimates how many distinct elements HyperLogLogs have seen."},
    {.name = "pfdebug",
     .arity = 3,
     .flags = kWrite | kDenyoom | kAdmin,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfdebugKey,
     .since = "2.8.9",
     .summary = "Looks inside a HyperLogLog, for tests."},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfmergeKeys,
     .since = "2.8.9",
     .summary = "Merges HyperLogLogs into one."},
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin,
     .categories = Acl::kHyperloglog,
     .since = "2.8.9",
     .summary = "Checks the HyperLogLog code, for tests."},
};

}  // namespace

constinit const CommandFamily kHyperloglogFamily{.group = "hyperloglog", .rows = kRows};

}  // namespace slotway::protocol::command_rows
