// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_rows/command_family.h"
#include "protocol/command_rows/key_specs.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;

constexpr KeySpec kSpublishKey[] = {KeysAt(1, KeyFlag::kNotKey)};
constexpr KeySpec kSsubscribeKeys[] = {KeysAt(1, KeyFlag::kNotKey, -1)};

constexpr CommandSpec kPubsubSubcommands[] = {
    {.name = "pubsub|channels",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "2.8.0",
     .summary = ""},
    {.name = "pubsub|help",
     .arity = 2,
     .flags = kLoading | kStale,
     .since = "6.2.0",
     .summary = ""},
    {.name = "pubsub|numpat",
     .arity = 2,
     .flags = kPubsub | kLoading | kStale,
     .since = "2.8.0",
     .summary = ""},
    {.name = "pubsub|numsub",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "2.8.0",
     .summary = ""},
    {.name = "pubsub|shardchannels",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "7.0.0",
     .summary = ""},
    {.name = "pubsub|shardnumsub",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "7.0.0",
     .summary = ""},
};

constexpr CommandSpec kRows[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = ""},
    {.name = "publish",
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .since = "2.0.0",
     .summary = ""},
    {.name = "pubsub",
     .arity = -2,
     .subcommands = kPubsubSubcommands,
     .since = "2.8.0",
     .summary = ""},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = ""},
    {.name = "spublish",
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .key_specs = kSpublishKey,
     .since = "7.0.0",
     .summary = ""},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .key_specs = kSsubscribeKeys,
     .since = "7.0.0",
     .summary = ""},
    {.name = "subscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = ""},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .key_specs = kSsubscribeKeys,
     .since = "7.0.0",
     .summary = ""},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = ""},
};

}  // namespace

constinit const CommandFamily kPubsubFamily{.group = "pubsub", .rows = kRows};

}  // namespace slotway::protocol::command_rows
