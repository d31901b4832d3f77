// SPDX-License-Identifier: Apache-2.0
// The keys of some slots as they are now, as RESTORE commands for another master.
//
// See rdb_snapshot.h, whose rules it follows: only the slots and the form differ. Engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/cluster/slot_bitmap.h"
#include "storage/commands/server_state.h"
#include "storage/engine/entry_capture.h"
#include "storage/persistence/paced_snapshot.h"
#include "storage/persistence/rdb_snapshot.h"

namespace slotway::storage {

class SlotSnapshot final : public PacedSnapshot, private EntryCapture {
 public:
  // Takes the moment. `sink` must outlive it.
  SlotSnapshot(ServerState& server, const cluster::SlotBitmap& slots, SnapshotSink& sink);

  bool Step(std::size_t max_keys) override;
  void GiveUp() override { is_given_up_ = true; }
  bool IsGivenUp() const override { return is_given_up_; }
  std::uint64_t KeysWritten() const override { return keys_written_; }
  std::uint64_t KeysInAll() const override { return keys_in_all_; }

 private:
  void Capture(const Entry& entry) override;

  ServerState& server_;
  Keyspace& keys_;
  cluster::SlotBitmap slots_;
  SnapshotSink& sink_;
  std::string command_;  // reused
  std::uint64_t keys_written_ = 0;
  std::uint64_t keys_in_all_ = 0;
  bool is_given_up_ = false;
};

}  // namespace slotway::storage
