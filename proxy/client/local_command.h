// SPDX-License-Identifier: Apache-2.0
// Commands that the proxy answers itself: the connection's own, and how it looks as a server.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command_table.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {

class ClientSession;

using LocalWriter = protocol::RespWriter<protocol::StringSink>;

// One call of a local command. Arity has been checked. A handler that answers later writes nothing,
// opens a place in session.Replies() and delivers there.
struct LocalCall {
  ClientSession& session;
  std::span<const std::string_view> args;
  const protocol::CommandSpec& spec;
  LocalWriter& reply;
  std::string& out;  // what `reply` writes to
};

using LocalHandler = void (*)(LocalCall&);

// What happens to a command between MULTI and EXEC.
enum class InTransaction : std::uint8_t {
  kQueued,
  kAtOnce,    // it is not queued: MULTI, DISCARD, QUIT, ...
  kExecutes,  // EXEC: refused, it ends the transaction
  kOnShardToo,  // queued; the shard has to carry it out as well, if there is something to it
};

struct LocalCommand {
  std::string_view full_name;  // as in the command table
  LocalHandler handler;
  // Taken only when everything the client asked before has been answered.
  bool needs_quiet = false;
  InTransaction in_transaction = InTransaction::kQueued;
  // Taken also from a RESP2 client that is subscribed.
  bool is_for_listeners = false;
  // needs_quiet, from a client that is subscribed.
  bool needs_quiet_of_listeners = false;

  bool IsQueued() const {
    return in_transaction == InTransaction::kQueued || in_transaction == InTransaction::kOnShardToo;
  }
};

// The families; each is a constant table in a file of its own.
std::span<const LocalCommand> ConnectionCommands();  // PING, AUTH, HELLO, SELECT, ...
std::span<const LocalCommand> ClientCommands();        // CLIENT ..., about oneself
std::span<const LocalCommand> ClientAdminCommands();   // CLIENT ..., about all clients
std::span<const LocalCommand> MonitorCommands();       // MONITOR
std::span<const LocalCommand> ServerCommands();        // COMMAND ..., INFO, ROLE
std::span<const LocalCommand> UserCommands();          // ACL ...
std::span<const LocalCommand> TransactionCommands();  // MULTI, EXEC, WATCH, ...
std::span<const LocalCommand> ClusterCommands();     // CLUSTER ..., READONLY, ASKING

std::span<const LocalCommand> SubscribeCommands();   // SUBSCRIBE ..., UNSUBSCRIBE ...
std::span<const LocalCommand> PublishCommands();     // PUBLISH, SPUBLISH, PUBSUB ...

std::span<const LocalCommand> SlotwayCommands();     // SLOTWAY ...
std::span<const LocalCommand> TrackingCommands();    // CLIENT TRACKING, CACHING, ...

// The local command of that id, or nullptr if it is not answered here. Hot.
const LocalCommand* FindLocalCommand(protocol::CommandId id);

}  // namespace slotway::proxy
