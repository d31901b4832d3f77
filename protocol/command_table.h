// SPDX-License-Identifier: Apache-2.0
// All commands of Redis 7.2 (and Valkey 8's additions), found by name.
//
// The single source of truth for names, arity, flags, ACL categories, key specs, policies and
// subcommands. Rows stand by family in protocol/command_rows/. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command.h"

namespace slotway::protocol {

// Ids of the table's rows are 0 to CommandCount() - 1.
std::span<const CommandSpec* const> TopLevelCommands();
std::size_t CommandCount();

// Rows that are not the table's (protocol/learned_commands.h) share a few ids behind the table's:
// one for each kind, as far as it matters to whoever indexes by id.
enum LearnedKind : std::uint16_t { kLearnedWrite = 1, kLearnedBlocking = 2, kLearnedKinds = 4 };
// All ids are below this.
std::size_t CommandIdCount();
inline bool IsLearned(CommandId id) { return id >= CommandCount(); }

// The id of a row that is not the table's.
CommandId LearnedIdOf(const CommandSpec& spec);
inline CommandId IdOf(const CommandSpec& spec) {
  if (spec.id != CommandSpec::kNoId) [[likely]] return spec.id;
  return LearnedIdOf(spec);
}
const CommandSpec& CommandById(CommandId id);

// Finds a top-level command, ignoring case; nullptr if there is none. About 50 instructions: a
// perfect hash over length and letters, then one comparison.
const CommandSpec* FindCommand(std::string_view name);

// Finds the row that governs a request: the subcommand's if `args[0]` names a container and
// args[1] one of its subcommands, else the command's, else nullptr.
const CommandSpec* FindCommand(std::span<const std::string_view> args);

// The same, but nullptr where a container is followed by a word that is no subcommand of it.
const CommandSpec* FindRunnableCommand(std::span<const std::string_view> args);

// Finds a container's subcommand by its short name ("get" of CONFIG), ignoring case.
const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view name);

// Finds a row by its full name, "config|get" or "get", ignoring case.
const CommandSpec* FindCommandByFullName(std::string_view full_name);

}  // namespace slotway::protocol
