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
     .summary = "Lists the channels that have subscribers."},
    {.name = "pubsub|help",
     .arity = 2,
     .flags = kLoading | kStale,
     .since = "6.2.0",
     .summary = "Lists the subcommands of PUBSUB."},
    {.name = "pubsub|numpat",
     .arity = 2,
     .flags = kPubsub | kLoading | kStale,
     .since = "2.8.0",
     .summary = "Counts the patterns that are subscribed to."},
    {.name = "pubsub|numsub",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "2.8.0",
     .summary = "Counts the subscribers of channels."},
    {.name = "pubsub|shardchannels",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "7.0.0",
     .summary = "Lists the shard channels that have subscribers."},
    {.name = "pubsub|shardnumsub",
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .since = "7.0.0",
     .summary = "Counts the subscribers of shard channels."},
};

constexpr CommandSpec kRows[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = "Subscribes to the channels that match patterns."},
    {.name = "publish",
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .since = "2.0.0",
     .summary = "Sends a message to a channel."},
    {.name = "pubsub",
     .arity = -2,
     .subcommands = kPubsubSubcommands,
     .since = "2.8.0",
     .summary = "Groups the commands about channels."},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = "Ends subscriptions to patterns."},
    {.name = "spublish",
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .key_specs = kSpublishKey,
     .since = "7.0.0",
     .summary = "Sends a message to a shard channel."},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .key_specs = kSsubscribeKeys,
     .since = "7.0.0",
     .summary = "Subscribes to shard channels."},
    {.name = "subscribe",
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = "Subscribes to channels."},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .key_specs = kSsubscribeKeys,
     .since = "7.0.0",
     .summary = "Ends subscriptions to shard channels."},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .since = "2.0.0",
     .summary = "Ends subscriptions to channels."},
};

}  // namespace

constinit const CommandFamily kPubsubFamily{.group = "pubsub", .rows = kRows};

}  // namespace slotway::protocol::command_rows
