// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_rows/command_family.h"
#include "protocol/command_rows/key_specs.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;
using Acl = AclCategory;

constexpr KeySpec kGeoradiusKeys[] = {KeysAt(1, kRead), KeysBehind("STORE", 6, kOverwrite),
                                      KeysBehind("STOREDIST", 6, kOverwrite)};
constexpr KeySpec kGeoradiusbymemberKeys[] = {KeysAt(1, kRead), KeysBehind("STORE", 5, kOverwrite),
                                              KeysBehind("STOREDIST", 5, kOverwrite)};

constexpr CommandSpec kRows[] = {
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kOneUpdateKey,
     .since = "3.2.0",
     .summary = ""},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = ""},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = ""},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = ""},
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kGeoradiusKeys,
     .key_finder = KeyFinder::kGeoradius,
     .since = "3.2.0",
     .summary = ""},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.10",
     .summary = ""},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kGeoradiusbymemberKeys,
     .key_finder = KeyFinder::kGeoradius,
     .since = "3.2.0",
     .summary = ""},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.10",
     .summary = ""},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "6.2.0",
     .summary = ""},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kOverwriteThenReadKey,
     .since = "6.2.0",
     .summary = ""},
};

}  // namespace

constinit const CommandFamily kGeoFamily{.group = "geo", .rows = kRows};

}  // namespace slotway::protocol::command_rows
