// SPDX-License-Identifier: Apache-2.0
// Migrations at their target: each is a client that streams keys here (see slot_sender.h).
//
// Its slots are hidden from before the first key until they are this node's. If it ends otherwise -
// the connection is lost, a command fails, the slots change hands, all keys are flushed - they stay
// hidden, are nobody's, and are emptied in the background. Replicas get what is taken as any other
// change. Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cluster/slot_import.h"
#include "storage/cluster/slot_migration.h"
#include "storage/commands/command_context.h"
#include "storage/commands/server_state.h"
#include "storage/server/hidden_slots.h"
#include "storage/server/migration_host.h"

namespace slotway::storage {

class SlotImports {
 public:
  // `ended` is told of each that is over.
  SlotImports(ServerState& server, MigrationHost& host, HiddenSlots& hidden,
              std::function<void(cluster::MigrationRecord)> ended)
      : server_(server), host_(host), hidden_(hidden), ended_(std::move(ended)) {}

  // CLUSTER SYNCSLOTS ESTABLISH, ACK, PAUSE and FINISH.
  void Establish(CommandContext& ctx);
  void Acknowledge(CommandContext& ctx);
  void Pause(CommandContext& ctx);
  void Finish(CommandContext& ctx);

  // A command of its stream has failed.
  void Fail(ClientState& client, std::string_view error);
  void OnGone(const ClientState& client);
  // Owners have changed, or all keys go.
  void OnOwners();
  void OnFlush();
  // More may be known of the replicas, or time has passed.
  void Look();

  bool Expects(protocol::Slot slot) const;
  void List(std::vector<const cluster::MigrationRecord*>& records) const;

 private:
  struct Import {
    ClientState* client;
    cluster::MigrationRecord record;
    cluster::SlotBitmap slots;
    cluster::SlotImport machine = {};
    std::int64_t offset = 0;  // of the stream, when it asked last
  };

  Import* Find(CommandContext& ctx);
  // Why it cannot begin; empty: it can.
  std::string Refusal(const cluster::MigrationRecord& record, const cluster::SlotBitmap& slots);
  bool HaveReplicasAll(const Import& import) const;
  void Look(Import& import);
  void TakeOver(Import& import);
  // Leaves import.client, which hears the error if there is one.
  void End(std::uint64_t client_id, cluster::MigrationState state, std::string_view message);
  void FailAll(std::string_view error, const std::function<bool(const Import&)>& is_meant);

  ServerState& server_;
  MigrationHost& host_;
  HiddenSlots& hidden_;
  std::function<void(cluster::MigrationRecord)> ended_;
  std::map<std::uint64_t, Import> imports_;  // by client id
};

}  // namespace slotway::storage
