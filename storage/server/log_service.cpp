// SPDX-License-Identifier: Apache-2.0
#include "storage/server/log_service.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"

namespace slotway::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRetryMs = 5000;
constexpr std::uint64_t kManifestBytesMax = std::uint64_t{16} << 20;

AofSync PolicyOf(const config::ShardConfig& config) {
  switch (config.appendfsync) {
    case config::AppendFsync::kAlways:
      return AofSync::kAlways;
    case config::AppendFsync::kEverysec:
      return AofSync::kEverysec;
    case config::AppendFsync::kNo:
      break;
  }
  return AofSync::kNo;
}

std::string ErrnoText(const std::string& name, int error) {
  return name + ": " + std::strerror(error);
}

}  // namespace

class LogService::Feed final : public ChangeFeed {
 public:
  explicit Feed(LogService& service) : ChangeFeed(Audience::kFile), service_(service) {
    service.server_.propagation.AddFeed(*this);
  }
  ~Feed() override { service_.server_.propagation.RemoveFeed(*this); }
  void Append(std::string_view commands) override { service_.Add(commands); }

 private:
  LogService& service_;
};

LogService::LogService(runtime::EventLoop& loop, ServerState& server, SnapshotRunner& snapshots,
                       std::function<void()> on_change)
    : loop_(loop),
      server_(server),
      snapshots_(snapshots),
      on_change_(std::move(on_change)),
      sync_timer_(loop),
      base_timer_(loop) {}

LogService::~LogService() = default;

// ---- Files ----

std::string LogService::Directory() const {
  return server_.Config().dir + "/" + server_.Config().appenddirname;
}

std::string LogService::PathOf(const AofFile& file) const { return Directory() + "/" + file.name; }

std::string LogService::ManifestPath() const {
  return Directory() + "/" + server_.Config().appendfilename + ".manifest";
}

std::optional<std::string> LogService::ReadManifest() {
  manifest_ = {};
  auto input = InputFile::Open(ManifestPath());
  if (!input) return input.error().text;
  if (*input == nullptr) return TakeOverOldLog();
  if ((*input)->Bytes() > kManifestBytesMax) return ManifestPath() + ": is too large";
  std::string text(static_cast<std::size_t>((*input)->Bytes()), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const auto count = (*input)->Read(std::span(text).subspan(done));
    if (!count) return count.error().text;
    if (*count == 0) break;
    done += *count;
  }
  auto parsed = AofManifest::Parse(text);
  if (!parsed) return ManifestPath() + ": " + parsed.error().text;
  manifest_ = std::move(*parsed);
  return MoveOldLog();
}

// Before Redis 7 the log was one file: it becomes the base.
std::optional<std::string> LogService::TakeOverOldLog() {
  const std::string old_log = server_.Config().dir + "/" + server_.Config().appendfilename;
  std::error_code error;
  if (!fs::is_regular_file(old_log, error)) return std::nullopt;
  fs::create_directories(Directory(), error);
  if (error) return Directory() + ": " + error.message();
  manifest_.base = AofFile{server_.Config().appendfilename, 1};
  if (auto problem = WriteManifest()) return problem;
  return MoveOldLog();
}

// It may have been named as the base and not been moved yet: then that was interrupted.
std::optional<std::string> LogService::MoveOldLog() const {
  const std::string& name = server_.Config().appendfilename;
  if (!manifest_.base || manifest_.base->name != name) return std::nullopt;
  const std::string old_log = server_.Config().dir + "/" + name;
  std::error_code error;
  if (fs::exists(PathOf(*manifest_.base), error) || !fs::exists(old_log, error)) {
    return std::nullopt;
  }
  fs::rename(old_log, PathOf(*manifest_.base), error);
  if (error) return old_log + ": " + error.message();
  return std::nullopt;
}

std::optional<std::string> LogService::WriteManifest() {
  auto file =
      BackgroundFile::Create(Directory() + "/temp-" + fs::path(ManifestPath()).filename().string());
  if (!file) return file.error().text;
  std::string text = manifest_.Format();
  (*file)->Take(text);
  (*file)->Commit(ManifestPath());
  (*file)->Wait();
  if (const int error = (*file)->Errno()) return ErrnoText(ManifestPath(), error);
  return std::nullopt;
}

std::uint64_t LogService::BytesOfFiles() const {
  std::uint64_t bytes = 0;
  for (const std::string& name : manifest_.FilesToRead()) {
    std::error_code error;
    const auto size = fs::file_size(Directory() + "/" + name, error);
    if (!error) bytes += size;
  }
  return bytes;
}

// ---- Loading and turning on ----

runtime::Result<std::unique_ptr<LogLoader>> LogService::OpenLoader() {
  if (auto error = ReadManifest()) return runtime::Fail(*error);
  has_read_ = true;
  if (manifest_.IsEmpty()) return nullptr;
  std::vector<std::string> files;
  for (const std::string& name : manifest_.FilesToRead()) files.push_back(Directory() + "/" + name);
  return LogLoader::Open(server_, files);
}

std::optional<std::string> LogService::StartAfterLoading() {
  if (!server_.Config().appendonly) return std::nullopt;
  if (!has_read_) {  // it was turned on meanwhile
    starts_later_ = Facts().is_scheduled = true;
    return std::nullopt;
  }
  std::error_code error;
  fs::create_directories(Directory(), error);
  if (error) return Directory() + ": " + error.message();
  DeleteHistory();
  if (!manifest_.base && manifest_.increments.empty()) {
    manifest_.base = NextBase();
    if (auto failed = SaveLogBase(server_, PathOf(*manifest_.base))) return failed;
  }
  if (manifest_.increments.empty()) {
    if (auto failed = BeginIncrement(true)) return failed;
  } else if (const int opened = log_.Open(PathOf(manifest_.increments.back()))) {
    return ErrnoText(PathOf(manifest_.increments.back()), opened);
  }
  bytes_before_increment_ = BytesOfFiles() - log_.FileBytes();
  Facts().bytes_at_rewrite = BytesOfFiles();
  Attach();
  UpdateFacts();
  return std::nullopt;
}

void LogService::Attach() {
  if (!feed_) feed_ = std::make_unique<Feed>(*this);
  feed_->SelectAnew();
}

void LogService::Detach() { feed_.reset(); }

std::optional<std::string> LogService::ApplySetting() {
  const bool wants = server_.Config().appendonly;
  if (!wants) {
    TurnOff();
    return std::nullopt;
  }
  if (IsOn() || starts_later_) return std::nullopt;
  const bool must_wait = snapshots_.IsBusy() || IsRewriting() ||
                         server_.persistence.loading.is_loading || server_.calls_within != 0;
  if (must_wait) {
    starts_later_ = Facts().is_scheduled = true;
    runtime::LogInfo("the append-only log is to begin later");
    return std::nullopt;
  }
  auto error = BeginRewrite(true);
  if (!error) return std::nullopt;
  runtime::LogError("cannot begin an append-only log: {}", *error);
  return "Unable to turn on AOF. Check server logs.";
}

void LogService::TurnOff() {
  starts_later_ = false;
  if (!IsOn()) return;
  if (IsRewriting()) snapshots_.GiveUp();
  Flush();
  feed_.reset();
  log_.Close();
  if (!Facts().write_error.empty()) {
    Facts().write_error.clear();
    on_change_();
  }
  UpdateFacts();
  runtime::LogInfo("the append-only log is off");
}

// ---- Writing ----

void LogService::Add(std::string_view commands) {
  if (server_.Config().aof_timestamp_enabled && noted_time_s_ != server_.now_ms / 1000) {
    noted_time_s_ = server_.now_ms / 1000;
    log_.Add("#TS:" + std::to_string(noted_time_s_) + "\r\n");  // wire: a note of the log
  }
  log_.Add(commands);
  Facts().added_bytes = log_.added_offset();
  Facts().buffered_bytes = log_.BufferedBytes();
  if (std::exchange(is_flush_scheduled_, true)) return;
  loop_.Defer([this] {
    is_flush_scheduled_ = false;
    Flush();
  });
}

void LogService::Flush() {
  if (!log_.IsOpen()) return;
  const AofSync policy = PolicyOf(server_.Config());
  const bool may_sync = !server_.Config().no_appendfsync_on_rewrite || !snapshots_.IsBusy();
  if (slow_down_.count() > 0 && log_.BufferedBytes() > 0) std::this_thread::sleep_for(slow_down_);
  const bool was_syncing = log_.IsSyncing();
  const bool is_good = log_.Write(policy, runtime::MonotonicMs(), may_sync);
  if (!was_syncing && log_.IsSyncing()) {
    sync_mark_ = log_.added_offset();
    sync_mark_offset_ = server_.replication.history.offset;
  }
  if (!is_good && policy == AofSync::kAlways) {
    // Replies that wait for the disk must not leave, and it is not known what is on it.
    runtime::LogError("cannot write to the append-only log, and appendfsync is always: {}; ending",
                      std::strerror(log_.Errno()));
    std::_Exit(1);
  }
  std::string& write_error = Facts().write_error;
  if (is_good == write_error.empty()) return UpdateFacts();
  write_error = is_good ? std::string() : std::strerror(log_.Errno());
  if (is_good) {
    runtime::LogInfo("the append-only log can be written again");
  } else {
    runtime::LogError("cannot write to the append-only log: {}", write_error);
  }
  UpdateFacts();
  on_change_();
}

bool LogService::SyncNow() {
  if (!IsOn()) return false;
  Flush();
  return log_.SyncNow() == 0;
}

void LogService::SyncSoon() {
  if (IsOn() && !sync_timer_.IsActive()) sync_timer_.Start(0, 0, [this] { GoOnSyncing(); });
}

void LogService::GoOnSyncing() {
  constexpr std::uint64_t kLookAgainMs = 1;
  constexpr std::uint64_t kTryAgainMs = 100;
  if (!log_.IsOpen()) return;
  if (log_.BeginSync()) {
    sync_mark_ = log_.added_offset();
    sync_mark_offset_ = server_.replication.history.offset;
  }
  UpdateFacts();
  if (!log_.HasMore()) return;
  sync_timer_.Start(log_.FailsToSync() ? kTryAgainMs : kLookAgainMs, 0, [this] { GoOnSyncing(); });
}

void LogService::NoteProgress() {
  LogFacts& facts = Facts();
  const std::uint64_t synced_before = facts.synced_bytes;
  const std::int64_t offset_before = facts.synced_offset;
  const bool was_whole = facts.is_whole;
  facts.is_whole = replaced_in_log_ == facts.data_replaced && !is_turning_on_;
  facts.added_bytes = log_.added_offset();
  facts.synced_bytes = log_.synced_offset();
  if (!IsOn() || !facts.is_whole) {
    facts.synced_offset = -1;
    sync_mark_ = 0;
  } else if (facts.synced_bytes == facts.added_bytes) {
    facts.synced_offset = server_.replication.history.offset;
  } else if (sync_mark_ != 0 && facts.synced_bytes >= sync_mark_) {
    facts.synced_offset = std::max(facts.synced_offset, sync_mark_offset_);
  }
  const bool has_more = facts.synced_bytes != synced_before || facts.synced_offset != offset_before;
  if ((has_more || facts.is_whole != was_whole) && server_.on_acknowledged) {
    server_.on_acknowledged();
  }
}

void LogService::Close() {
  if (!IsOn()) return;
  feed_.reset();
  UpdateFacts();
  if (const auto history = SavedHistoryOf(server_); history && Facts().is_whole) {
    log_.Add(NoteOf(*history));
  }
  if (const int error = log_.Close()) {
    runtime::LogError("the end of the append-only log is lost: {}", std::strerror(error));
  }
}

void LogService::UpdateFacts() {
  LogFacts& facts = Facts();
  facts.is_on = IsOn();
  facts.is_rewriting = IsRewriting();
  facts.bytes = bytes_before_increment_ + log_.FileBytes();
  facts.buffered_bytes = log_.BufferedBytes();
  facts.is_syncing = log_.IsSyncing();
  facts.delayed_syncs = log_.DelayedSyncs();
  NoteProgress();
}

void LogService::Tick() {
  if (IsOn() && log_.HasMore()) Flush();
  UpdateFacts();
  if (IsOn()) DeleteHistory();
  if (server_.persistence.loading.is_loading || snapshots_.IsBusy() || IsRewriting()) return;
  if (runtime::MonotonicMs() < retry_at_ms_) return;
  const bool turns_on = starts_later_;
  const bool lacks_data = IsOn() && replaced_in_log_ != Facts().data_replaced;
  if (!turns_on && !Facts().is_scheduled && !lacks_data && !WantsRewrite()) return;
  if (const auto error = BeginRewrite(turns_on)) {
    runtime::LogError("cannot rewrite the append-only log: {}", *error);
    retry_at_ms_ = runtime::MonotonicMs() + kRetryMs;
  }
}

bool LogService::WantsRewrite() const {
  const config::ShardConfig& config = server_.Config();
  const LogFacts& facts = server_.persistence.log;
  const auto percentage = static_cast<std::uint64_t>(config.auto_aof_rewrite_percentage);
  if (!IsOn() || percentage == 0) return false;
  if (facts.bytes < static_cast<std::uint64_t>(config.auto_aof_rewrite_min_size)) return false;
  const std::uint64_t before = facts.bytes_at_rewrite != 0 ? facts.bytes_at_rewrite : 1;
  return facts.bytes > before && (facts.bytes - before) * 100 / before >= percentage;
}

}  // namespace slotway::storage
