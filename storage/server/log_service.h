// SPDX-License-Identifier: Apache-2.0
// The append-only log of a server: fed with the stream of changes, written once per turn of the
// loop before replies leave, rewritten in the background, turned on and off while running.
//
// A rewrite goes on in a new increment, which is in the manifest before anything is added to it,
// and writes a snapshot of that moment as the new base. When the base is on the disk the manifest
// names it and the increments since; what was before becomes history and is deleted. When the log
// is turned on the manifest of an earlier log stays as it was until then. Engine thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/event_loop.h"
#include "storage/commands/log_loader.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/aof_log.h"
#include "storage/persistence/aof_manifest.h"
#include "storage/persistence/background_file.h"
#include "storage/persistence/snapshot_runner.h"

namespace slotway::storage {

class LogService {
 public:
  // `on_change` is called when a write begins or ceases to fail.
  LogService(runtime::EventLoop& loop, ServerState& server, SnapshotRunner& snapshots,
             std::function<void()> on_change);
  ~LogService();

  // What there is to load, nullptr if there is no log.
  runtime::Result<std::unique_ptr<LogLoader>> OpenLoader();
  // After loading, if appendonly is on: goes on in the log, or begins one with the data there is.
  std::optional<std::string> StartAfterLoading();
  // After `appendonly` has changed; why it cannot be done.
  std::optional<std::string> ApplySetting();

  std::optional<std::string> Rewrite(bool& is_scheduled);
  void Tick();
  bool IsOn() const { return feed_ != nullptr; }
  bool IsRewriting() const { return base_ != nullptr; }
  // False if there is no log, or it failed.
  bool SyncNow();
  // Brings what there is to the disk, by the thread that syncs.
  void SyncSoon();
  void SlowDown(std::chrono::microseconds by) { slow_down_ = by; }
  // Before the process ends: a log that was only now turned on gets its base.
  void FinishTurningOn();
  // At the end of the process.
  void Close();

 private:
  class Feed;

  std::string Directory() const;
  std::string PathOf(const AofFile& file) const;
  std::string ManifestPath() const;
  std::optional<std::string> ReadManifest();
  std::optional<std::string> WriteManifest();
  std::optional<std::string> TakeOverOldLog();
  std::optional<std::string> MoveOldLog() const;
  std::optional<std::string> BeginIncrement(bool is_in_manifest);
  AofFile NextBase() const;
  std::optional<std::string> BeginRewrite(bool turns_on);
  void EndOfSnapshot(bool is_complete);
  void AwaitBase();
  void EndRewrite(int error);
  bool InstallBase();
  void DeleteHistory();
  void TurnOff();
  // To the stream of changes; what comes next begins with a SELECT.
  void Attach();
  void Detach();
  void Add(std::string_view commands);
  void Flush();
  void UpdateFacts();
  // What of the stream of changes is on the disk.
  void NoteProgress();
  void GoOnSyncing();
  bool WantsRewrite() const;
  std::uint64_t BytesOfFiles() const;
  LogFacts& Facts() { return server_.persistence.log; }

  runtime::EventLoop& loop_;
  ServerState& server_;
  SnapshotRunner& snapshots_;
  std::function<void()> on_change_;

  AofManifest manifest_;
  AofLog log_;
  std::unique_ptr<Feed> feed_;  // while it is on
  bool is_flush_scheduled_ = false;
  std::int64_t noted_time_s_ = 0;  // aof-timestamp-enabled
  std::chrono::microseconds slow_down_{0};  // before each write: for tests

  std::unique_ptr<BackgroundFile> base_;  // of the rewrite at work
  AofFile new_base_;
  std::size_t increments_replaced_ = 0;  // by it
  bool is_turning_on_ = false;           // it is the first one since the log was turned on
  bool starts_later_ = false;            // when the runner has time
  bool has_read_ = false;                // what there was at the start
  // What was in the log when a sync began, and the offset of the stream then.
  std::uint64_t sync_mark_ = 0;
  std::int64_t sync_mark_offset_ = 0;
  // Of LogFacts::data_replaced: what the base at work has, what the log has.
  std::uint64_t replaced_in_base_ = 0;
  std::uint64_t replaced_in_log_ = 0;
  runtime::Timer sync_timer_;  // while somebody waits for the disk
  std::uint64_t bytes_before_increment_ = 0;
  runtime::Timer base_timer_;
  std::uint64_t retry_at_ms_ = 0;
};

}  // namespace slotway::storage
