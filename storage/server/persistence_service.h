// SPDX-License-Identifier: Apache-2.0
// Saving and loading of a server's data, in the turns of its loop; and its end.
//
// Owns the snapshot runner, which is BGSAVE's as well as replication's. The file of a BGSAVE is
// written by a thread of its own (persistence/background_file.h). Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/event_loop.h"
#include "storage/commands/data_file.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/background_file.h"
#include "storage/persistence/key_pace.h"
#include "storage/persistence/snapshot_runner.h"
#include "storage/server/log_service.h"

namespace slotway::storage {

class PersistenceService final : public PersistenceHost {
 public:
  // `stop` ends the loop.
  PersistenceService(runtime::EventLoop& loop, ServerState& server, std::function<void()> stop);
  ~PersistenceService() override;

  // Loads what is there, while clients hear -LOADING. Calls `on_loaded` with what went wrong, or
  // nothing.
  using LoadedCallback = std::function<void(std::optional<std::string> error)>;
  void LoadAtStart(LoadedCallback on_loaded);
  // Whether what was there was an append-only log.
  bool HasLoadedLog() const { return has_loaded_log_; }
  // The history that what was there is of, if it says so.
  const std::optional<ReplicationHistory>& LoadedHistory() const { return loaded_history_; }
  // To be called ten times a second: save points, what was scheduled, progress.
  void Tick();
  // To be called when settings about saving have changed.
  void ApplySettings();
  // The same of `appendonly`: why it cannot be done.
  std::optional<std::string> ApplyAppendonly() { return log_.ApplySetting(); }

  std::optional<std::string> Save() override;
  std::optional<std::string> BackgroundSave(bool may_wait, bool& is_scheduled) override;
  std::optional<std::string> RewriteLog(bool& is_scheduled) override {
    return log_.Rewrite(is_scheduled);
  }
  void SyncLogSoon() override { log_.SyncSoon(); }
  void SlowDownLog(std::chrono::microseconds by) override { log_.SlowDown(by); }
  std::optional<std::string> LoadLog() override;
  std::optional<std::string> LoadFile(LoadPolicy policy) override;
  void NoteFlushAll() override;
  std::optional<std::string> ShutDown(const ShutdownRequest& request) override;

 private:
  std::string DataFile() const;
  std::optional<std::string> StartBackgroundSave();
  void EndOfSnapshot(bool is_complete);
  void AwaitFile();
  void EndBackgroundSave(int error);
  void SaveIfPointReached();
  runtime::Result<std::unique_ptr<DataLoader>> OpenWhatThereIs();
  void LoadTurn();
  void EndLoading(std::optional<std::string> error);
  void LogProgress();

  runtime::EventLoop& loop_;
  ServerState& server_;
  std::function<void()> stop_;
  SnapshotRunner snapshots_;
  LogService log_;

  std::unique_ptr<BackgroundFile> saved_file_;  // of the BGSAVE at work
  std::uint64_t changes_at_start_ = 0;          // of it
  bool is_capturing_ = false;                   // its snapshot is at work
  runtime::Timer file_timer_;                   // while the file is brought to its end

  std::unique_ptr<DataLoader> loader_;
  LoadedCallback on_loaded_;
  KeyPace load_pace_;
  runtime::Timer pace_timer_;
  bool has_loaded_log_ = false;
  std::optional<ReplicationHistory> loaded_history_;
  std::uint64_t load_start_ms_ = 0;
  std::uint64_t logged_at_ms_ = 0;
};

}  // namespace slotway::storage
