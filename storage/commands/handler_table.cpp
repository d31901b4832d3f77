// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/handler_table.h"

#include <algorithm>
#include <cassert>

#include "storage/commands/command_context.h"

namespace slotway::storage {
namespace {

void AnswerUnsupported(CommandContext& ctx) {
  std::string name(ctx.spec.name);
  std::replace(name.begin(), name.end(), '|', ' ');
  ctx.Error("ERR command '" + name + "' is not supported by this version of Slotway");
}

}  // namespace

HandlerTable::HandlerTable() : handlers_(protocol::CommandCount(), &AnswerUnsupported) {}

void HandlerTable::Add(std::span<const HandlerRow> rows) {
  for (const HandlerRow& row : rows) {
    const protocol::CommandSpec* spec = protocol::FindCommandByFullName(row.full_name);
    assert(spec != nullptr && "a handler for a command that the table does not know");
    if (spec == nullptr) continue;
    CommandHandler& handler = handlers_[protocol::IdOf(*spec)];
    assert(handler == &AnswerUnsupported && "two handlers for one command");
    handler = row.handler;
  }
}

bool HandlerTable::IsSupported(const protocol::CommandSpec& spec) const {
  return handlers_[protocol::IdOf(spec)] != &AnswerUnsupported;
}

std::vector<std::string> HandlerTable::Unsupported() const {
  std::vector<std::string> names;
  for (std::size_t id = 0; id < handlers_.size(); ++id) {
    const protocol::CommandSpec& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    if (handlers_[id] == &AnswerUnsupported && spec.subcommands.empty()) {
      names.emplace_back(spec.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

void AddAllHandlers(HandlerTable& table) {
  for (auto rows : {
           StringHandlers(),     StringSetHandlers(), StringCounterHandlers(),
           StringLcsHandlers(),  BitHandlers(),       BitFieldHandlers(),
           HllHandlers(),        HllDebugHandlers(),  KeyHandlers(),       KeyExpiryHandlers(),
           KeyScanHandlers(),    KeyObjectHandlers(), KeyDumpHandlers(),
           MigrateHandlers(),    SortHandlers(),      DatabaseHandlers(),
           HashHandlers(),       HashReadHandlers(),  HashScanHandlers(),
           ListHandlers(),       ListSearchHandlers(), ListMoveHandlers(),
           SetHandlers(),        SetScanHandlers(),   SetJoinHandlers(),
           SortedSetHandlers(),  SortedSetReadHandlers(), SortedSetRangeHandlers(),
           SortedSetPopHandlers(), SortedSetScanHandlers(), SortedSetJoinHandlers(),
           GeoHandlers(),        GeoSearchHandlers(),
           StreamHandlers(),     StreamReadHandlers(), StreamGroupHandlers(),
           StreamPendingHandlers(), StreamClaimHandlers(), StreamInfoHandlers(),
           TransactionHandlers(), PubsubHandlers(), TrackingHandlers(), MonitorHandlers(),
           ConnectionHandlers(), AclHandlers(), AclUserHandlers(),
           ClientHandlers(),    ServerHandlers(),   ReplicationHandlers(), SaveHandlers(),
           MemoryHandlers(), SlowLogHandlers(), LatencyHandlers(),
           InfoHandlers(),       ConfigHandlers(),    CommandIntrospectionHandlers(),
           DebugHandlers(),
       }) {
    table.Add(rows);
  }
  AddClusterHandlers(table);
}

}  // namespace slotway::storage
