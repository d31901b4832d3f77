// SPDX-License-Identifier: Apache-2.0
// What a client has queued between MULTI and EXEC, and what becomes of it when something is
// refused.
//
// Arguments are copied when they are queued: they outlive the client's input. A transaction of
// which a part was refused keeps nothing more, as it will not run. Engine thread only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"

namespace slotway::storage {

class CommandContext;
class ServerState;
struct ClientState;

class Transaction {
 public:
  void Queue(const protocol::CommandSpec& spec, std::span<const std::string_view> args);
  // EXEC will fail.
  void MarkRefused() { is_refused_ = true; }
  bool IsRefused() const { return is_refused_; }

  std::size_t Count() const { return commands_.size(); }
  const protocol::CommandSpec& SpecAt(std::size_t index) const { return *commands_[index].spec; }
  // Valid while nothing more is queued.
  std::vector<std::string_view> ArgsAt(std::size_t index) const;
  // What was queued last is refused when memory is full, whatever its flags say.
  void MarkNeedsMemory() { needs_memory_ = true; }
  bool NeedsMemory() const { return needs_memory_ || flags_.Has(protocol::CommandFlag::kDenyoom); }
  // Of all queued commands together.
  protocol::FlagSet<protocol::CommandFlag> Flags() const { return flags_; }
  // Whether each of them has it.
  bool AllHave(protocol::CommandFlag flag) const;
  std::size_t Bytes() const { return bytes_.size() + arg_sizes_.size() * sizeof arg_sizes_[0]; }

 private:
  struct Command {
    const protocol::CommandSpec* spec;
    std::size_t first_arg;  // in arg_sizes_
    std::size_t arg_count;
    std::size_t offset;  // in bytes_
  };

  std::vector<Command> commands_;
  std::vector<std::size_t> arg_sizes_;
  std::string bytes_;
  protocol::FlagSet<protocol::CommandFlag> flags_;
  bool is_refused_ = false;
  bool needs_memory_ = false;
};

// Ends the client's transaction without running it, if it has one, and forgets what it watches.
void DropTransaction(ServerState& server, ClientState& client);
// Answers a request that is refused before it runs: if it was to be part of a transaction, EXEC
// will fail; if it is EXEC, that has.
void RefuseInTransaction(CommandContext& ctx, bool is_exec, std::string_view error);

}  // namespace slotway::storage
