// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_rows/command_family.h"
#include "protocol/command_rows/key_specs.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;
using Acl = AclCategory;

constexpr KeySpec kBitfieldKey[] = {WithNotes(KeysAt(1, kReadUpdate | KeyFlag::kVariableFlags),
                                              "RW and UPDATE unless every operation is a GET")};
constexpr KeySpec kBitopKeys[] = {KeysAt(2, kOverwrite), KeysAt(3, kRead, -1)};

constexpr CommandSpec kRows[] = {
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "2.6.0",
     .summary = ""},
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kBitfieldKey,
     .key_finder = KeyFinder::kBitfield,
     .since = "3.2.0",
     .summary = ""},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "6.0.0",
     .summary = ""},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kBitopKeys,
     .since = "2.6.0",
     .summary = ""},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "2.8.7",
     .summary = ""},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "2.2.0",
     .summary = ""},
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadUpdateKey,
     .since = "2.2.0",
     .summary = ""},
};

}  // namespace

constinit const CommandFamily kBitmapFamily{.group = "bitmap", .rows = kRows};

}  // namespace slotway::protocol::command_rows
