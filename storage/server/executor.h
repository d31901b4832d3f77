// SPDX-License-Identifier: Apache-2.0
// Decides whether a request may run, runs it, and counts it.
//
// The order of the checks is Redis's: known, arity, authentication, slot, memory. What follows a
// command that changed data (the propagation point) is in Call(). Engine thread only; nothing here
// allocates for a request that is served.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/key_extraction.h"
#include "runtime/byte_queue.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"
#include "storage/server/waiting_requests.h"

namespace slotway::storage {

class CommandContext;
class ClusterGateway;

// One request as the session parsed it, looked up and hashed.
struct Request {
  std::span<const std::string_view> args;
  const protocol::CommandSpec* spec = nullptr;  // nullptr: unknown
  std::size_t key_index = 0;                    // 0: no key known beforehand
  protocol::Slot slot{};                        // of that key
};

class Executor {
 public:
  // `cluster` is nullptr unless cluster-enabled is on.
  Executor(ServerState& server, const HandlerTable& handlers, ClusterGateway* cluster);
  WaitingRequests& Waiting() { return waiting_; }

  // Looks the command up and hashes its first key.
  Request Prepare(std::span<const std::string_view> args) const;
  // Writes exactly one reply, unless the client asked for silence or now waits. Then runs requests
  // again that waited for what this one has changed.
  void Execute(ClientState& client, const Request& request, runtime::ByteQueue& output);

 private:
  // How a command names its keys: what of the slot check can be done without extracting them.
  enum class KeyShape : std::uint8_t { kNone, kOne, kSeveral };
  struct CommandTraits {
    CommandHandler handler = nullptr;
    KeyShape key_shape = KeyShape::kNone;
    std::uint8_t first_key = 0;     // 0: depends on the arguments, or none
    bool has_movable_keys = false;  // what stands at first_key may be no key (MIGRATE "" ... KEYS)
    bool needs_authentication = true;
    bool is_denied_when_full = false;
    bool is_timed_alone = false;  // slow commands; of fast ones see CommandTiming
  };

  void Call(CommandContext& ctx, const CommandTraits& traits, CommandStats& stats);
  void Run(ClientState& client, const Request& request, runtime::ByteQueue& output);
  bool RefuseUnknown(CommandContext& ctx, const Request& request);
  // True when the request was answered with a redirect or a cluster error.
  bool RedirectedElsewhere(CommandContext& ctx, const Request& request, KeyShape shape);
  void Silence(ClientState& client, const Request& request);

  ServerState& server_;
  const HandlerTable& handlers_;
  ClusterGateway* cluster_;
  std::vector<CommandTraits> traits_;  // by CommandId
  std::vector<protocol::KeyPosition> keys_;
  runtime::ByteQueue discarded_;
  WaitingRequests waiting_;
};

}  // namespace slotway::storage
