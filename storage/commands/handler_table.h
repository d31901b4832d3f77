// SPDX-License-Identifier: Apache-2.0
// Which function executes which row of the command table.
//
// Each family lists its rows by full name ("get", "config|set"); the table resolves the names once,
// at start. Commands without a handler answer an error that says so. Immutable while serving.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::storage {

class CommandContext;
using CommandHandler = void (*)(CommandContext&);

struct HandlerRow {
  std::string_view full_name;
  CommandHandler handler;
};

class HandlerTable {
 public:
  HandlerTable();

  // REQUIRES: every name has a row in the command table, and no handler yet.
  void Add(std::span<const HandlerRow> rows);

  CommandHandler Of(protocol::CommandId id) const { return handlers_[id]; }
  bool IsSupported(const protocol::CommandSpec& spec) const;
  // Full names of the rows without a handler (containers count as supported), sorted.
  std::vector<std::string> Unsupported() const;

 private:
  std::vector<CommandHandler> handlers_;  // by CommandId; never null
};

// The families of this folder.
std::span<const HandlerRow> StringHandlers();
std::span<const HandlerRow> StringSetHandlers();
std::span<const HandlerRow> StringCounterHandlers();
std::span<const HandlerRow> StringLcsHandlers();
std::span<const HandlerRow> BitHandlers();
std::span<const HandlerRow> BitFieldHandlers();
std::span<const HandlerRow> HllHandlers();
std::span<const HandlerRow> HllDebugHandlers();
std::span<const HandlerRow> KeyHandlers();
std::span<const HandlerRow> KeyExpiryHandlers();
std::span<const HandlerRow> KeyScanHandlers();
std::span<const HandlerRow> KeyObjectHandlers();
std::span<const HandlerRow> KeyDumpHandlers();
std::span<const HandlerRow> MigrateHandlers();
std::span<const HandlerRow> SortHandlers();
std::span<const HandlerRow> DatabaseHandlers();
std::span<const HandlerRow> HashHandlers();
std::span<const HandlerRow> HashReadHandlers();
std::span<const HandlerRow> HashScanHandlers();
std::span<const HandlerRow> ListHandlers();
std::span<const HandlerRow> ListSearchHandlers();
std::span<const HandlerRow> ListMoveHandlers();
std::span<const HandlerRow> SetHandlers();
std::span<const HandlerRow> SetScanHandlers();
std::span<const HandlerRow> SetJoinHandlers();
std::span<const HandlerRow> SortedSetHandlers();
std::span<const HandlerRow> SortedSetReadHandlers();
std::span<const HandlerRow> SortedSetRangeHandlers();
std::span<const HandlerRow> SortedSetPopHandlers();
std::span<const HandlerRow> SortedSetScanHandlers();
std::span<const HandlerRow> SortedSetJoinHandlers();
std::span<const HandlerRow> GeoHandlers();
std::span<const HandlerRow> GeoSearchHandlers();
std::span<const HandlerRow> StreamHandlers();
std::span<const HandlerRow> StreamReadHandlers();
std::span<const HandlerRow> StreamGroupHandlers();
std::span<const HandlerRow> StreamPendingHandlers();
std::span<const HandlerRow> StreamClaimHandlers();
std::span<const HandlerRow> StreamInfoHandlers();
std::span<const HandlerRow> TransactionHandlers();
std::span<const HandlerRow> PubsubHandlers();
std::span<const HandlerRow> TrackingHandlers();
std::span<const HandlerRow> MonitorHandlers();
std::span<const HandlerRow> ConnectionHandlers();
std::span<const HandlerRow> AclHandlers();
std::span<const HandlerRow> AclUserHandlers();
std::span<const HandlerRow> ClientHandlers();
std::span<const HandlerRow> ServerHandlers();
std::span<const HandlerRow> ReplicationHandlers();
std::span<const HandlerRow> SaveHandlers();
std::span<const HandlerRow> InfoHandlers();
std::span<const HandlerRow> MemoryHandlers();
std::span<const HandlerRow> SlowLogHandlers();
std::span<const HandlerRow> LatencyHandlers();
std::span<const HandlerRow> ConfigHandlers();
std::span<const HandlerRow> CommandIntrospectionHandlers();
std::span<const HandlerRow> DebugHandlers();
void AddClusterHandlers(HandlerTable& table);

// Adds all of the above.
void AddAllHandlers(HandlerTable& table);

}  // namespace slotway::storage
