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
     .summary = ""},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfcountKeys,
     .since = "2.8.9",
     .summary = ""},
    {.name = "pfdebug",
     .arity = 3,
     .flags = kWrite | kDenyoom | kAdmin,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfdebugKey,
     .since = "2.8.9",
     .summary = ""},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kHyperloglog,
     .key_specs = kPfmergeKeys,
     .since = "2.8.9",
     .summary = ""},
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin,
     .categories = Acl::kHyperloglog,
     .since = "2.8.9",
     .summary = ""},
};

}  // namespace

constinit const CommandFamily kHyperloglogFamily{.group = "hyperloglog", .rows = kRows};

}  // namespace slotway::protocol::command_rows
