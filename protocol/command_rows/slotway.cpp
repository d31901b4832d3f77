// SPDX-License-Identifier: Apache-2.0
// Slotway's own commands, which its proxy answers and no shard.
#include "protocol/command_rows/command_family.h"

namespace slotway::protocol::command_rows {
namespace {

using enum CommandFlag;

constexpr FlagSet<CommandFlag> kFlags = kAdmin | kNoscript | kLoading | kStale;

constexpr CommandSpec kSubcommands[] = {
    {.name = "slotway|bigkeys",
     .arity = -2,
     .flags = kFlags,
     .other_tips = kNondeterministicOutput,
     .since = "7.2.0",
     .summary = "Lists the keys of the largest requests and replies that went through the proxy."},
    {.name = "slotway|help",
     .arity = 2,
     .flags = kLoading | kStale,
     .since = "7.2.0",
     .summary = "Lists the subcommands of SLOTWAY."},
    {.name = "slotway|hotkeys",
     .arity = -2,
     .flags = kFlags,
     .other_tips = kNondeterministicOutput,
     .since = "7.2.0",
     .summary = "Lists the keys that clients ask the proxy for most."},
    {.name = "slotway|latency",
     .arity = 2,
     .flags = kFlags,
     .other_tips = kNondeterministicOutput,
     .since = "7.2.0",
     .summary = "Shows how long requests take, by family of commands and by node."},
    {.name = "slotway|reset",
     .arity = 2,
     .flags = kFlags,
     .since = "7.2.0",
     .summary = "Forgets the slow requests, the hot keys and the big keys of the proxy."},
    {.name = "slotway|slowlog",
     .arity = -2,
     .flags = kFlags,
     .other_tips = kNondeterministicOutput,
     .since = "7.2.0",
     .summary = "Lists the newest slow requests, and where their time went."},
};

constexpr CommandSpec kRows[] = {
    {.name = "slotway",
     .arity = -2,
     .subcommands = kSubcommands,
     .since = "7.2.0",
     .summary = "Groups what the proxy tells of itself."},
};

}  // namespace

constinit const CommandFamily kSlotwayFamily{.group = "slotway", .rows = kRows};

}  // namespace slotway::protocol::command_rows
