// SPDX-License-Identifier: Apache-2.0
#include "storage/server/persistence_service.h"

#include <cstring>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"

namespace slotway::storage {
namespace {

// What loading takes of a turn of the loop: clients are answered in between.
constexpr std::uint64_t kLoadTurnUs = 10000;
constexpr std::uint64_t kAwaitFileMs = 2;
// A BGSAVE that has failed is tried again by a save point after this time.
constexpr std::int64_t kRetryAfterSeconds = 5;
constexpr std::uint64_t kLogEveryMs = 2000;

constexpr std::string_view kSaveAtWork = "ERR Background save already in progress";
constexpr std::string_view kOtherAtWork =
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in "
    "order to schedule a BGSAVE whenever possible.";
constexpr std::string_view kCannotSave =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
    "disk. Commands that may modify the data set are disabled, because this instance is configured "
    "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
    "option). "
    "Please check the Redis logs for details about the RDB error.";

}  // namespace

PersistenceService::PersistenceService(runtime::EventLoop& loop, ServerState& server,
                                       std::function<void()> stop)
    : loop_(loop),
      server_(server),
      stop_(std::move(stop)),
      snapshots_(loop),
      log_(loop, server, snapshots_, [this] { ApplySettings(); }),
      file_timer_(loop),
      pace_timer_(loop) {
  server.persistence_host = this;
  server.snapshots = &snapshots_;
}

PersistenceService::~PersistenceService() {
  server_.persistence_host = nullptr;
  server_.snapshots = nullptr;
}

std::string PersistenceService::DataFile() const {
  return server_.Config().dir + "/" + server_.Config().dbfilename;
}

// ---- Saving ----

std::optional<std::string> PersistenceService::Save() {
  if (snapshots_.IsBusy() || saved_file_) return std::string(kSaveAtWork);
  ++server_.persistence.saving.saves;
  const std::uint64_t start_ms = runtime::MonotonicMs();
  if (const auto error = SaveDataFile(server_, DataFile())) {
    runtime::LogError("cannot save: {}", *error);
    return "ERR cannot save: " + *error;
  }
  server_.RefreshClock();
  SavingFacts& saving = server_.persistence.saving;
  saving.last_save_time_s = server_.now_ms / 1000;
  saving.has_failed = false;
  server_.changes_since_save = 0;
  server_.changes_counted = server_.changes;  // also of the command that has it saved
  ApplySettings();
  runtime::LogInfo("saved to {} in {} ms", DataFile(), runtime::MonotonicMs() - start_ms);
  return std::nullopt;
}

std::optional<std::string> PersistenceService::BackgroundSave(bool may_wait, bool& is_scheduled) {
  is_scheduled = false;
  if (saved_file_) return std::string(kSaveAtWork);
  // Not in the middle of a transaction: what it has changed is not in the stream yet.
  if (!snapshots_.IsBusy() && server_.calls_within == 0) return StartBackgroundSave();
  if (!may_wait) return std::string(kOtherAtWork);
  is_scheduled = server_.persistence.saving.is_scheduled = true;
  return std::nullopt;
}

std::optional<std::string> PersistenceService::StartBackgroundSave() {
  SavingFacts& saving = server_.persistence.saving;
  saving.is_scheduled = false;
  saving.last_try_time_s = server_.now_ms / 1000;
  ++saving.saves;
  auto file = BackgroundFile::Create(TemporaryBeside(DataFile()));
  if (!file) {
    runtime::LogError("cannot save in the background: {}", file.error().text);
    saving.has_failed = true;
    ApplySettings();
    return "ERR cannot save: " + file.error().text;
  }
  saved_file_ = std::move(*file);
  changes_at_start_ = server_.changes_since_save;
  saving.is_saving = true;
  saving.start_time_s = server_.now_ms / 1000;
  logged_at_ms_ = runtime::MonotonicMs();
  runtime::LogInfo("saving in the background to {}", DataFile());
  is_capturing_ = true;
  snapshots_.Begin(SavedSourceOf(server_), *saved_file_,
                   [this](bool is_complete) { EndOfSnapshot(is_complete); });
  return std::nullopt;
}

void PersistenceService::NoteFlushAll() {
  SavingFacts& saving = server_.persistence.saving;
  if (is_capturing_) {
    // That is no failure, as it is none in Redis.
    const bool had_failed = saving.has_failed;
    snapshots_.GiveUp();
    saving.has_failed = had_failed;
    ApplySettings();
  }
  if (server_.Config().save.empty()) return;
  if (snapshots_.IsBusy() || saved_file_) {
    saving.is_scheduled = true;
  } else {
    Save();
  }
}

void PersistenceService::EndOfSnapshot(bool is_complete) {
  is_capturing_ = false;
  if (!is_complete) {
    const int error = saved_file_->Errno();
    return EndBackgroundSave(error != 0 ? error : ECANCELED);
  }
  saved_file_->Commit(DataFile());
  AwaitFile();
}

void PersistenceService::AwaitFile() {
  if (saved_file_->IsFinished()) return EndBackgroundSave(saved_file_->Errno());
  file_timer_.Start(kAwaitFileMs, 0, [this] { AwaitFile(); });
}

void PersistenceService::EndBackgroundSave(int error) {
  server_.RefreshClock();
  SavingFacts& saving = server_.persistence.saving;
  saving.is_saving = false;
  saving.last_duration_s = server_.now_ms / 1000 - saving.start_time_s;
  saving.has_failed = error != 0;
  if (error == 0) {
    saving.last_save_time_s = server_.now_ms / 1000;
    server_.changes_since_save -= std::min(changes_at_start_, server_.changes_since_save);
    runtime::LogInfo("saved {} bytes in the background", saved_file_->BytesTaken());
  } else {
    runtime::LogError("saving in the background failed: {}", std::strerror(error));
  }
  saved_file_.reset();
  ApplySettings();
}

void PersistenceService::ApplySettings() {
  const config::ShardConfig& config = server_.Config();
  const bool refuses = server_.persistence.saving.has_failed && !config.save.empty() &&
                       config.stop_writes_on_bgsave_error;
  std::string& refusal = server_.persistence.write_refusal;
  const std::string& log_error = server_.persistence.log.write_error;
  refusal = refuses ? kCannotSave : std::string_view();
  if (refusal.empty() && !log_error.empty()) {
    refusal = "MISCONF Errors writing to the AOF file: " + log_error;
  }
}

void PersistenceService::SaveIfPointReached() {
  const SavingFacts& saving = server_.persistence.saving;
  const std::int64_t now_s = server_.now_ms / 1000;
  for (const config::SavePoint& point : server_.Config().save) {
    const bool is_reached =
        server_.changes_since_save >= static_cast<std::uint64_t>(point.changes) &&
        now_s - saving.last_save_time_s > point.seconds;
    const bool may_try = !saving.has_failed || now_s - saving.last_try_time_s > kRetryAfterSeconds;
    if (!is_reached || !may_try) continue;
    runtime::LogInfo("{} changes in {} seconds: saving", point.changes, point.seconds);
    StartBackgroundSave();
    return;
  }
}

void PersistenceService::Tick() {
  SavingFacts& saving = server_.persistence.saving;
  saving.keys_written = snapshots_.KeysWritten();
  saving.keys_in_all = snapshots_.KeysInAll();
  LogProgress();
  log_.Tick();
  // What is being loaded, from a file or a master, is not to be saved by halves.
  if (server_.persistence.loading.IsOn() || snapshots_.IsBusy() || saved_file_) return;
  if (saving.is_scheduled) {
    StartBackgroundSave();
  } else {
    SaveIfPointReached();
  }
}

void PersistenceService::LogProgress() {
  if (!loader_ && !saved_file_) return;
  if (runtime::MonotonicMs() - logged_at_ms_ < kLogEveryMs) return;
  logged_at_ms_ = runtime::MonotonicMs();
  if (loader_) {
    const LoadingFacts& loading = server_.persistence.loading;
    runtime::LogInfo("loading: {} of {} bytes", loading.loaded_bytes, loading.total_bytes);
  } else {
    runtime::LogInfo("saving in the background: {} of {} keys", snapshots_.KeysWritten(),
                     snapshots_.KeysInAll());
  }
}

// ---- Loading ----

void PersistenceService::LoadAtStart(LoadedCallback on_loaded) {
  on_loaded_ = std::move(on_loaded);
  load_start_ms_ = logged_at_ms_ = runtime::MonotonicMs();
  auto opened = OpenWhatThereIs();
  if (!opened) return EndLoading(opened.error().text);
  if (*opened == nullptr) return EndLoading(std::nullopt);
  loader_ = std::move(*opened);
  load_pace_ = KeyPace(server_.Config().key_load_delay_us, runtime::MonotonicUs());
  runtime::LogInfo("loading {} bytes", server_.persistence.loading.total_bytes);
  loop_.DeferToNextTurn([this] { LoadTurn(); });
}

// The log, if it is on; where it has not begun yet, what was saved.
runtime::Result<std::unique_ptr<DataLoader>> PersistenceService::OpenWhatThereIs() {
  if (server_.Config().appendonly) {
    auto log = log_.OpenLoader();
    if (!log) return tl::unexpected(log.error());
    if (*log != nullptr) {
      has_loaded_log_ = true;
      return std::unique_ptr<DataLoader>(std::move(*log));
    }
  }
  auto file = DataFileLoader::Open(server_, DataFile(), LoadPolicy::kFlushed, true);
  if (!file) return tl::unexpected(file.error());
  return std::unique_ptr<DataLoader>(std::move(*file));
}

void PersistenceService::LoadTurn() {
  if (!loader_) return;
  server_.RefreshClock();
  const std::uint64_t start_us = runtime::MonotonicUs();
  std::uint64_t wait_ms = 0;
  auto status = DataFileLoader::Status::kReading;
  while (status == DataFileLoader::Status::kReading) {
    if (runtime::MonotonicUs() - start_us > kLoadTurnUs) {
      return loop_.DeferToNextTurn([this] { LoadTurn(); });
    }
    status = loader_->Step();
    wait_ms =
        load_pace_.WaitMs(server_.persistence.loading.last_keys_loaded, runtime::MonotonicUs());
    if (wait_ms > 0 && status == DataFileLoader::Status::kReading) {
      return pace_timer_.Start(wait_ms, 0, [this] { LoadTurn(); });
    }
  }
  if (status == DataLoader::Status::kFailed) return EndLoading(loader_->Error());
  const auto end = [this] {
    if (!loader_) return;
    runtime::LogInfo("loaded in {} ms", runtime::MonotonicMs() - load_start_ms_);
    loaded_history_ = loader_->History();
    EndLoading(std::nullopt);
  };
  if (wait_ms > 0) return pace_timer_.Start(wait_ms, 0, end);  // what came last takes its time, too
  end();
}

void PersistenceService::EndLoading(std::optional<std::string> error) {
  loader_.reset();
  server_.changes_since_save = 0;
  if (!error) error = log_.StartAfterLoading();
  if (auto on_loaded = std::exchange(on_loaded_, nullptr)) on_loaded(std::move(error));
}

std::optional<std::string> PersistenceService::LoadFile(LoadPolicy policy) {
  auto opened = DataFileLoader::Open(server_, DataFile(), policy);
  std::optional<std::string> error;
  if (!opened) {
    error = opened.error().text;
  } else if (*opened == nullptr) {
    error = DataFile() + " is not there";
  } else {
    auto status = DataFileLoader::Status::kReading;
    while (status == DataFileLoader::Status::kReading) status = (*opened)->Step();
    if (status == DataFileLoader::Status::kFailed) error = (*opened)->Error();
  }
  if (!error) return std::nullopt;
  runtime::LogError("cannot load {}: {}", DataFile(), *error);
  return "ERR Error trying to load the RDB dump, check server logs.";
}

std::optional<std::string> PersistenceService::LoadLog() {
  if (log_.IsRewriting() || (log_.IsOn() && !log_.SyncNow())) {
    return "ERR the append-only log is being rewritten, or cannot be written";
  }
  // One that is off may be there none the less.
  auto opened = log_.OpenLoader();
  if (opened && *opened == nullptr) return "ERR there is no append-only log";
  FlushForLoading(server_, true);
  std::optional<std::string> error;
  if (!opened) {
    error = opened.error().text;
  } else if (*opened != nullptr) {
    auto status = DataLoader::Status::kReading;
    while (status == DataLoader::Status::kReading) status = (*opened)->Step();
    if (status == DataLoader::Status::kFailed) error = (*opened)->Error();
  }
  if (!error) return std::nullopt;
  runtime::LogError("cannot load the append-only log: {}", *error);
  return "ERR Error trying to load the AOF files, check server logs.";
}

// ---- The end ----

std::optional<std::string> PersistenceService::ShutDown(const ShutdownRequest& request) {
  // SHUTDOWN may be the end of a transaction.
  if (server_.propagation.HasUnit()) server_.propagation.EndUnit();
  log_.FinishTurningOn();
  // What is not complete by now never will be.
  snapshots_.GiveUp();
  snapshots_.Finish();
  const bool saves = request.saves || (!request.is_nosave && !server_.Config().save.empty());
  if (saves && !loader_) {
    if (saved_file_) saved_file_->Wait();
    saved_file_.reset();
    file_timer_.Stop();
    server_.persistence.saving.is_saving = false;
    if (Save() && !request.is_forced) {
      return "ERR Errors trying to SHUTDOWN. Check logs.";
    }
  }
  log_.Close();
  stop_();
  return std::nullopt;
}

}  // namespace slotway::storage
