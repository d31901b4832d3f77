// SPDX-License-Identifier: Apache-2.0
// What commands ask of the cluster, which is above them. Nothing is set without cluster-enabled.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "protocol/key_extraction.h"
#include "protocol/slot.h"

namespace slotway::storage {

class CommandContext;
struct ClientState;

// Whether the keys of a command within a script can be used here.
enum class KeysPlace : std::uint8_t { kHere, kElsewhere, kClusterDown, kClusterDownReadonly };

struct ClusterHooks {
  // CLUSTER and its subcommands.
  std::function<void(CommandContext&)> run_command;
  // Tells the other nodes of a message.
  std::function<void(std::string_view channel, std::string_view message, bool is_shard)> publish;
  std::function<KeysPlace(CommandContext&, std::span<const protocol::KeyPosition>)> place_of_keys;
  // Closes links with a node; false: it is unknown.
  std::function<bool(std::string_view id, bool incoming, bool outgoing)> cut_links;
  // Whether requests for this slot wait. While ServerState::holds_slots.
  std::function<bool(protocol::Slot)> holds_slot;
  // All keys of a database are about to go.
  std::function<void()> on_flush;
  // Of a client that is importing: a command of its stream has failed, or it has gone.
  std::function<void(ClientState&, std::string_view error)> import_failed;
  std::function<void(const ClientState&)> importer_gone;
  // What links with other nodes take, in bytes.
  std::function<std::size_t()> link_bytes;
  std::int64_t ignored_message = -1;  // the type of bus messages to drop, for tests; -1: none
};

}  // namespace slotway::storage
