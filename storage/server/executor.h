// SPDX-License-Identifier: Apache-2.0
// Decides whether a request may run, runs it, and counts it.
//
// The order of the checks is Redis's: known, arity, login and ACL rules, slot, memory. Between
// MULTI and EXEC what passes them is queued instead of run. What follows a command that changed
// data is in CallCommand(). Engine thread only; nothing here allocates for a request that is
// served.
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
#include "storage/server/evictor.h"
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
  Evictor& Eviction() { return evictor_; }

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
    bool is_exec = false;
    bool is_never_queued = false;
    bool needs_no_memory = false;  // not even within a transaction
    bool runs_script = false;
    bool is_barred_in_transactions = false;
    bool is_barred_beside_loading = false;
    bool is_for_listeners = false;  // what RESP2 clients may send that are subscribed
    bool is_client_command = false;
    bool touches_data = false;  // not for those who monitor
    bool writes = false;
    bool is_allowed_when_busy = false;
    bool is_allowed_when_loading = false;
    bool is_allowed_when_stale = false;
    bool is_ping = false;
    bool is_migration = false;  // asks for an answer within another master's stream
  };

  void Run(ClientState& client, const Request& request, runtime::ByteQueue& output);
  // The same for a client whose replies may have to be held.
  void RunAndHold(ClientState& client, const Request& request, runtime::ByteQueue& output);
  // The same for the stream of a master whose slots come here.
  void RunImported(ClientState& client, const Request& request, runtime::ByteQueue& output);
  // The same for who gets the stream of changes.
  void RunOfReplica(ClientState& client, const Request& request);
  bool TellsOfData(const protocol::CommandSpec& spec, bool is_queueing) const;
  // Whether its user may not run this, or it has to log in first: then that is answered.
  bool RefusedByUser(CommandContext& ctx, const CommandTraits& traits);
  // Whether the server can serve it now, with its data loaded and a disk that takes writes; then
  // that is answered.
  bool RefusedByState(CommandContext& ctx, const CommandTraits& traits);
  // Whether a flag that allows a command in some state is its own and, of EXEC, that of all it
  // runs.
  static bool Allows(const ClientState& client, const CommandTraits& traits, bool allows_itself,
                     protocol::CommandFlag flag);
  // Itself, or as EXEC of what is.
  static bool IsBarredBesideLoading(const ClientState& client, const CommandTraits& traits);
  // Whether clients of a replica may not have this; then that is answered.
  bool IsRefusedToReplicas(CommandContext& ctx, const CommandTraits& traits);
  // Answers an error instead of running it.
  void Reject(CommandContext& ctx, std::string_view error);
  // Makes room; true when there is none and the request would need some.
  bool LacksMemory(ClientState& client, const Request& request);
  bool IsDeniedWhenFull(const ClientState& client, const Request& request) const;
  // By its flags, or those of the script that it runs.
  bool NeedsMemory(const protocol::CommandSpec& spec, std::span<const std::string_view> args) const;
  // Itself, or as EXEC of what does.
  static bool Writes(const ClientState& client, const CommandTraits& traits);
  // True when EXEC was answered with a redirect or a cluster error.
  bool TransactionRedirectedElsewhere(CommandContext& ctx);
  void Queue(CommandContext& ctx);
  bool RefuseUnknown(CommandContext& ctx, const Request& request);
  // True when the request was answered with a redirect or a cluster error.
  bool RedirectedElsewhere(CommandContext& ctx, const Request& request, KeyShape shape);
  void Silence(ClientState& client, const Request& request);
  void ForgetCaching(ClientState& client, const Request& request);

  ServerState& server_;
  const HandlerTable& handlers_;
  ClusterGateway* cluster_;
  std::vector<CommandTraits> traits_;  // by CommandId
  std::vector<protocol::KeyPosition> keys_;
  runtime::ByteQueue discarded_;
  WaitingRequests waiting_;
  Evictor evictor_;
};

}  // namespace slotway::storage
