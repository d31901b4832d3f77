// SPDX-License-Identifier: Apache-2.0
// CLUSTER MIGRATESLOTS and its kin: the migrations that this node is the source or the target of.
//
// Of those that go from here one is at work, the others wait for it in their order. Engine thread
// only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "storage/cluster/slot_migration.h"
#include "storage/commands/command_context.h"
#include "storage/server/hidden_slots.h"
#include "storage/server/migration_host.h"
#include "storage/server/slot_imports.h"
#include "storage/server/slot_sender.h"

namespace slotway::storage {

class SlotMigrations {
 public:
  // `let_go_on` is called when clients that were held may go on.
  SlotMigrations(runtime::EventLoop& loop, ServerState& server, MigrationHost& host,
                 std::function<void()> let_go_on);
  ~SlotMigrations();

  // Whether this is one of these commands; then Run() answers it.
  static bool Takes(const protocol::CommandSpec& spec);
  void Run(CommandContext& ctx);
  // To be called ten times a second.
  void Tick();
  // Owners of slots have changed.
  void OnOwners();
  // More is known of the replicas.
  void OnAcknowledged() { imports_.Look(); }
  // These slots have gone to another node: their keys go in the background.
  void Drop(const cluster::SlotBitmap& slots);
  HiddenSlots& Hidden() { return hidden_; }

 private:
  void Migrate(CommandContext& ctx);
  void Show(CommandContext& ctx);
  void Cancel(CommandContext& ctx);
  void Synchronise(CommandContext& ctx);
  void ApplyHidden(CommandContext& ctx, bool are_hidden);
  // What one SLOTSRANGE ... NODE ... asks for, from args[at] on; the error if it cannot be done.
  std::string Read(CommandContext& ctx, std::size_t& at, cluster::MigrationRecord& record) const;
  std::string Refusal(const cluster::MigrationRecord& record) const;
  void Look();
  void StartNext();
  SlotSender::Hooks HooksFor(const cluster::MigrationRecord& record);
  cluster::ExportSettings Settings() const;
  void Hold(bool are_held);
  void Keep(cluster::MigrationRecord record);

  runtime::EventLoop& loop_;
  ServerState& server_;
  MigrationHost& host_;
  std::function<void()> let_go_on_;
  HiddenSlots hidden_;
  SlotImports imports_;
  std::deque<cluster::MigrationRecord> queue_;
  std::unique_ptr<SlotSender> sender_;  // nullptr: nothing is at work
  cluster::MigrationLog log_;
  bool is_looking_ = false;
  // shared: with deferred tasks, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace slotway::storage
