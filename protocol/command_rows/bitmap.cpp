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
     .summary = "Counts the bits that are one."},
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kBitfieldKey,
     .key_finder = KeyFinder::kBitfield,
     .since = "3.2.0",
     .summary = "Reads, sets and increments integers of any width inside a string."},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "6.0.0",
     .summary = "Reads integers of any width inside a string."},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kBitopKeys,
     .since = "2.6.0",
     .summary = "Combines strings bit by bit and stores the outcome."},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "2.8.7",
     .summary = "Finds the first bit that is zero or one."},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadKey,
     .since = "2.2.0",
     .summary = "Reads one bit of a string."},
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kBitmap,
     .key_specs = kOneReadUpdateKey,
     .since = "2.2.0",
     .summary = "Sets or clears one bit and answers what it was."},
};

}  // namespace

constinit const CommandFamily kBitmapFamily{.group = "bitmap", .rows = kRows};

}  // namespace slotway::protocol::command_rows
