// SPDX-License-Identifier: Apache-2.0
// Rewrites of the append-only log: a new increment, a new base, and what becomes of the old ones.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "storage/server/log_service.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kAwaitMs = 2;
constexpr std::uint64_t kRetryAfterMs = 5000;

}  // namespace

std::optional<std::string> LogService::Rewrite(bool& is_scheduled) {
  is_scheduled = false;
  if (IsRewriting()) {
    return "ERR Background append only file rewriting already in progress";
  }
  // In the middle of a transaction what it has changed is in the data, but not in the log yet: both
  // the base and the increment would have it.
  if (snapshots_.IsBusy() || server_.calls_within != 0) {
    is_scheduled = Facts().is_scheduled = true;
    return std::nullopt;
  }
  if (auto error = BeginRewrite(false)) {
    return "ERR Can't execute an AOF background rewriting: " + *error;
  }
  return std::nullopt;
}

// The log goes on in a new file.
std::optional<std::string> LogService::BeginIncrement(bool is_in_manifest) {
  const AofFile next = manifest_.NextIncrement(server_.Config().appendfilename);
  const std::string path = PathOf(next);
  // One that nobody names may be left of an attempt that came to nothing.
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (is_in_manifest) {
    // An empty file that no manifest names does no harm; one that is named must be there.
    AofLog created;
    const int error = created.Open(path);
    if (error != 0) return path + ": " + std::strerror(error);
    manifest_.increments.push_back(next);
    if (auto failed = WriteManifest()) {
      manifest_.increments.pop_back();
      return failed;
    }
  } else {
    manifest_.increments.push_back(next);
  }
  if (const int error = log_.Open(path)) return path + ": " + std::strerror(error);
  return std::nullopt;
}

AofFile LogService::NextBase() const {
  return manifest_.NextBase(server_.Config().appendfilename, server_.Config().aof_use_rdb_preamble);
}

std::optional<std::string> LogService::BeginRewrite(bool turns_on) {
  std::error_code failed;
  std::filesystem::create_directories(Directory(), failed);
  if (failed) return Directory() + ": " + failed.message();
  if (!IsOn()) {
    if (auto error = ReadManifest()) return error;
  }
  auto base = BackgroundFile::Create(Directory() + "/temp-rewriteaof-" +
                                     std::to_string(runtime::MonotonicMs()) + ".rdb");
  if (!base) return base.error().text;
  increments_replaced_ = manifest_.increments.size();
  if (IsOn() || turns_on) {
    bytes_before_increment_ = BytesOfFiles();
    if (auto error = BeginIncrement(IsOn())) return error;
  }
  if (IsOn() || turns_on) Attach();
  starts_later_ = Facts().is_scheduled = false;
  is_turning_on_ = turns_on;
  replaced_in_base_ = Facts().data_replaced;
  new_base_ = NextBase();
  base_ = std::move(*base);
  Facts().rewrite_start_s = server_.now_ms / 1000;
  ++Facts().rewrites;
  runtime::LogInfo("rewriting the append-only log");
  snapshots_.Begin(LogBaseSourceOf(server_), *base_,
                   [this](bool is_complete) { EndOfSnapshot(is_complete); });
  UpdateFacts();
  return std::nullopt;
}

void LogService::EndOfSnapshot(bool is_complete) {
  if (!is_complete) {
    const int error = base_->Errno();
    return EndRewrite(error != 0 ? error : ECANCELED);
  }
  base_->Commit(PathOf(new_base_));
  AwaitBase();
}

void LogService::AwaitBase() {
  if (base_->IsFinished()) return EndRewrite(base_->Errno());
  base_timer_.Start(kAwaitMs, 0, [this] { AwaitBase(); });
}

void LogService::FinishTurningOn() {
  if (!is_turning_on_) return;
  snapshots_.Finish();
  if (!IsRewriting()) return;
  base_->Wait();
  base_timer_.Stop();
  AwaitBase();
}

void LogService::EndRewrite(int error) {
  server_.RefreshClock();
  LogFacts& facts = Facts();
  base_.reset();
  if (error == 0 && !InstallBase()) error = EIO;
  facts.last_rewrite_duration_s = server_.now_ms / 1000 - facts.rewrite_start_s;
  facts.rewrite_has_failed = error != 0;
  if (error == 0) {
    facts.failures_in_a_row = 0;
  } else {
    ++facts.failures_in_a_row;
    runtime::LogError("rewriting the append-only log failed: {}", std::strerror(error));
    retry_at_ms_ = runtime::MonotonicMs() + kRetryAfterMs;
    // It has no base: it begins again.
    if (is_turning_on_) {
      Detach();
      log_.Close();
      starts_later_ = facts.is_scheduled = server_.Config().appendonly;
    }
  }
  is_turning_on_ = false;
  UpdateFacts();
}

bool LogService::InstallBase() {
  const AofManifest before = manifest_;
  if (manifest_.base) manifest_.history.push_back(*manifest_.base);
  manifest_.base = new_base_;
  const auto replaced_end =
      manifest_.increments.begin() + static_cast<std::ptrdiff_t>(increments_replaced_);
  manifest_.history.insert(manifest_.history.end(), manifest_.increments.begin(), replaced_end);
  manifest_.increments.erase(manifest_.increments.begin(), replaced_end);
  if (const auto error = WriteManifest()) {
    // What the manifest on the disk names is still the whole log, unless it is only now turned on.
    runtime::LogError("{}", *error);
    manifest_ = before;
    return false;
  }
  replaced_in_log_ = replaced_in_base_;
  DeleteHistory();
  bytes_before_increment_ = BytesOfFiles() - (IsOn() ? log_.FileBytes() : 0);
  Facts().bytes_at_rewrite = BytesOfFiles();
  runtime::LogInfo("the append-only log begins with {}", new_base_.name);
  return true;
}

void LogService::DeleteHistory() {
  const auto kept = server_.Config().advice.find("aof-disable-auto-gc");
  const bool is_kept = kept != server_.Config().advice.end() && kept->second == "yes";
  if (manifest_.history.empty() || is_kept) return;
  for (const AofFile& file : manifest_.history) {
    std::error_code error;
    std::filesystem::remove(PathOf(file), error);
    if (error) runtime::LogWarning("{}: {}", PathOf(file), error.message());
  }
  manifest_.history.clear();
  if (const auto error = WriteManifest()) runtime::LogWarning("{}", *error);
}

}  // namespace slotway::storage
