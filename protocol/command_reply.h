// SPDX-License-Identifier: Apache-2.0
// What COMMAND and its subcommands answer, read off the command table. The proxy and the shard
// share it, so that a client learns the same from both.
// A proxy adds what it has learned from its backend.
//
// Replies are appended whole to a string: they are rare, and the largest has about 100 kB. Shapes
// are those of Redis 7.2; COMMAND DOCS has summary, since, group and subcommands, not the rest.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/learned_commands.h"
#include "protocol/resp_writer.h"

namespace slotway::protocol {

// Answers any COMMAND request; `args` begins with "COMMAND". Errors (arity, an unknown subcommand,
// a request GETKEYS cannot read) are answered too. `learned`: rows beside the table's, or nullptr.
void AppendCommandReply(std::span<const std::string_view> args, RespVersion version,
                        std::string& out, const LearnedCommands* learned = nullptr);

// The single subcommands, for tables of handlers; `args` is the whole request and fits the arity.
void AppendCommandAll(std::span<const std::string_view> args, RespVersion version,
                      std::string& out, const LearnedCommands* learned);
void AppendCommandCount(std::span<const std::string_view> args, RespVersion version,
                        std::string& out, const LearnedCommands* learned);
void AppendCommandDocs(std::span<const std::string_view> args, RespVersion version,
                       std::string& out, const LearnedCommands* learned);
void AppendCommandGetKeys(std::span<const std::string_view> args, RespVersion version,
                          std::string& out, const LearnedCommands* learned);
void AppendCommandGetKeysAndFlags(std::span<const std::string_view> args, RespVersion version,
                                  std::string& out, const LearnedCommands* learned);
void AppendCommandHelp(std::span<const std::string_view> args, RespVersion version,
                       std::string& out, const LearnedCommands* learned);
void AppendCommandInfo(std::span<const std::string_view> args, RespVersion version,
                       std::string& out, const LearnedCommands* learned);
void AppendCommandList(std::span<const std::string_view> args, RespVersion version,
                       std::string& out, const LearnedCommands* learned);

}  // namespace slotway::protocol
