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
     .summary = "Adds members with their longitude and latitude."},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = "Measures the distance between two members."},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = "Shows the positions of members as geohash texts."},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.0",
     .summary = "Shows longitude and latitude of members."},
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kGeoradiusKeys,
     .key_finder = KeyFinder::kGeoradius,
     .since = "3.2.0",
     .summary = "Finds, and on request stores, the members around a position."},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.10",
     .summary = "Finds the members around a position."},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kGeoradiusbymemberKeys,
     .key_finder = KeyFinder::kGeoradius,
     .since = "3.2.0",
     .summary = "Finds, and on request stores, the members around another member."},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "3.2.10",
     .summary = "Finds the members around another member."},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .categories = Acl::kGeo,
     .key_specs = kOneReadKey,
     .since = "6.2.0",
     .summary = "Finds the members inside a circle or a box."},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyoom,
     .categories = Acl::kGeo,
     .key_specs = kOverwriteThenReadKey,
     .since = "6.2.0",
     .summary = "Stores the members inside a circle or a box."},
};

}  // namespace

constinit const CommandFamily kGeoFamily{.group = "geo", .rows = kRows};

}  // namespace slotway::protocol::command_rows
