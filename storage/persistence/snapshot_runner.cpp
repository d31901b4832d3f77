// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/snapshot_runner.h"

#include <cassert>
#include <utility>

#include "runtime/clock.h"

namespace slotway::storage {
namespace {

// What a snapshot may take of a turn of the loop: little beside what a turn of a busy loop takes
// anyway. An idle loop has many turns.
constexpr std::uint64_t kTurnUs = 60;
constexpr std::size_t kKeysPerStep = 16;
// While others are served they get so many times what the snapshot took before it goes on.
constexpr std::uint64_t kOthersShare = 6;
// Nobody is served in so short a time.
constexpr std::uint64_t kIdleUs = 30;
// Until a sink without room is asked again.
constexpr std::uint64_t kPauseMs = 2;
constexpr std::size_t kKeysPerLongStep = 100000;

}  // namespace

void SnapshotRunner::Begin(SnapshotSource source, SnapshotSink& sink, EndCallback on_end) {
  assert(!IsBusy());
  const std::int64_t key_delay_us = source.key_delay_us;
  Begin(std::make_unique<RdbSnapshot>(std::move(source), sink), sink, key_delay_us,
        std::move(on_end));
}

void SnapshotRunner::Begin(std::unique_ptr<PacedSnapshot> snapshot, SnapshotSink& sink,
                           std::int64_t key_delay_us, EndCallback on_end) {
  assert(!IsBusy());
  sink_ = &sink;
  on_end_ = std::move(on_end);
  pace_ = KeyPace(key_delay_us, runtime::MonotonicUs());
  snapshot_ = std::move(snapshot);
  ScheduleTurn();
}

void SnapshotRunner::GiveUp() {
  if (!IsBusy() || snapshot_->IsGivenUp()) return;
  snapshot_->GiveUp();
  // What is left of it waits for nobody.
  pause_.Stop();
  pace_ = KeyPace();
  ScheduleTurn();
  End(false);
}

void SnapshotRunner::Finish() {
  while (Step(kKeysPerLongStep)) {
  }
}

void SnapshotRunner::ScheduleTurn() {
  if (std::exchange(is_scheduled_, true)) return;
  loop_.DeferToNextTurn([this] { Turn(); });
}

// Whether others are to be served before the snapshot goes on.
bool SnapshotRunner::OwesTime(std::uint64_t now_us) {
  const std::uint64_t others_us = now_us - left_us_;
  owed_us_ = others_us < kIdleUs || others_us >= owed_us_ ? 0 : owed_us_ - others_us;
  left_us_ = now_us;
  return owed_us_ != 0;
}

void SnapshotRunner::Turn() {
  is_scheduled_ = false;
  const std::uint64_t start_us = runtime::MonotonicUs();
  if (OwesTime(start_us)) return ScheduleTurn();
  while (IsBusy()) {
    const bool may_write = snapshot_->IsGivenUp() || sink_->HasRoom() || sink_->HasFailed();
    if (!may_write) return pause_.Start(kPauseMs, 0, [this] { ScheduleTurn(); });
    if (!Step(pace_.IsOn() ? 1 : kKeysPerStep)) return;
    const std::uint64_t now_us = runtime::MonotonicUs();
    if (const std::uint64_t wait_ms = pace_.WaitMs(KeysWritten(), now_us); wait_ms > 0) {
      return pause_.Start(wait_ms, 0, [this] { ScheduleTurn(); });
    }
    if (now_us - start_us >= kTurnUs) {
      left_us_ = now_us;
      owed_us_ = kOthersShare * (now_us - start_us);
      return ScheduleTurn();
    }
  }
}

bool SnapshotRunner::Step(std::size_t max_keys) {
  if (!IsBusy()) return false;
  const bool was_given_up = snapshot_->IsGivenUp();
  const bool has_more = snapshot_->Step(max_keys);
  const bool is_given_up = snapshot_->IsGivenUp();
  if (!has_more) snapshot_.reset();
  if (!was_given_up && (is_given_up || !has_more)) End(!is_given_up);
  return has_more;
}

void SnapshotRunner::End(bool is_complete) {
  sink_ = nullptr;
  if (auto on_end = std::exchange(on_end_, nullptr)) on_end(is_complete);
}

}  // namespace slotway::storage
