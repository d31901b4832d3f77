// SPDX-License-Identifier: Apache-2.0
// Takes snapshots in the turns of a loop, one at a time: BGSAVE, rewrites of the log, replicas.
//
//   runner.Begin(source, sink, on_end)   the data of this moment goes to the sink
//   ... turns of the loop ...            part of each, while the sink has room
//   on_end(true)                         all has been given to the sink; or (false): it was given
//   up
// The sink must live until on_end was called. A snapshot that was given up keeps the runner busy
// for a while (see rdb_snapshot.h). Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/event_loop.h"
#include "storage/persistence/key_pace.h"
#include "storage/persistence/rdb_snapshot.h"

namespace slotway::storage {

class SnapshotRunner {
 public:
  using EndCallback = std::function<void(bool is_complete)>;

  explicit SnapshotRunner(runtime::EventLoop& loop) : loop_(loop), pause_(loop) {}

  bool IsBusy() const { return snapshot_ != nullptr; }
  // REQUIRES: !IsBusy().
  void Begin(SnapshotSource source, SnapshotSink& sink, EndCallback on_end);
  // The same for one that has been made already, for this sink. The delay: see key_pace.h.
  void Begin(std::unique_ptr<PacedSnapshot> snapshot, SnapshotSink& sink, std::int64_t key_delay_us,
             EndCallback on_end);
  // on_end(false) is called before this returns.
  void GiveUp();
  // Brings the one at work to its end now: on_end is called before this returns. The loop stands
  // still as long as that takes.
  void Finish();

  std::uint64_t KeysWritten() const { return snapshot_ ? snapshot_->KeysWritten() : 0; }
  std::uint64_t KeysInAll() const { return snapshot_ ? snapshot_->KeysInAll() : 0; }

 private:
  void ScheduleTurn();
  void Turn();
  bool OwesTime(std::uint64_t now_us);
  bool Step(std::size_t max_keys);
  void End(bool is_complete);

  runtime::EventLoop& loop_;
  runtime::Timer pause_;
  std::unique_ptr<PacedSnapshot> snapshot_;
  KeyPace pace_;
  SnapshotSink* sink_ = nullptr;
  EndCallback on_end_;
  bool is_scheduled_ = false;
  std::uint64_t left_us_ = 0;  // when a turn ended
  std::uint64_t owed_us_ = 0;  // to others, from then on
};

}  // namespace slotway::storage
