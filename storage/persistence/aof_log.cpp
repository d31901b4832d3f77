// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/aof_log.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/persistence/file_sync.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kSyncEveryMs = 1000;
constexpr std::uint64_t kPostponedMaxMs = 2000;
// What a buffer took beyond this is given back.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

}  // namespace

AofLog::~AofLog() { syncer_.Wait(); }

int AofLog::Open(const std::string& file) {
  if (file_.IsOpen()) {
    if (const int error = Close()) return error;
  }
  runtime::OwnedFd opened(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                               S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  struct stat status {};
  if (!opened.IsOpen() || fstat(opened.Number(), &status) != 0) return errno;
  file_ = std::move(opened);
  file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  return SyncDirectoryOf(file);
}

int AofLog::Close() {
  const int error = SyncNow();
  file_ = runtime::OwnedFd();
  return error;
}

int AofLog::SyncNow() {
  syncer_.Wait();
  if (!WriteBuffer()) return error_;
  if (fdatasync(file_.Number()) != 0) {
    Fail(errno);
    return error_;
  }
  synced_at_once_ = written_offset_;
  return error_ = 0;
}

bool AofLog::BeginSync() {
  if (syncer_.IsBusy() || !WriteBuffer() || synced_offset() >= written_offset_) return false;
  syncer_.Begin(file_.Number(), written_offset_);
  return true;
}

bool AofLog::Write(AofSync policy, std::uint64_t now_ms, bool may_sync) {
  if (policy == AofSync::kEverysec && syncer_.IsBusy() && !buffer_.empty()) {
    if (postponed_since_ms_ == 0) postponed_since_ms_ = now_ms;
    if (now_ms - postponed_since_ms_ < kPostponedMaxMs) return true;
    ++delayed_syncs_;
  }
  postponed_since_ms_ = 0;
  if (!WriteBuffer()) return false;
  if (policy == AofSync::kAlways && may_sync) return SyncNow() == 0;
  const bool is_due = synced_offset() < written_offset_ && now_ms - last_sync_ms_ >= kSyncEveryMs;
  if (policy == AofSync::kEverysec && may_sync && is_due && !syncer_.IsBusy()) {
    last_sync_ms_ = now_ms;
    syncer_.Begin(file_.Number(), written_offset_);
  }
  // Of the last one that has ended: the next may go well.
  if (policy == AofSync::kEverysec && syncer_.Errno() != 0) return Fail(syncer_.Errno());
  error_ = 0;
  return true;
}

bool AofLog::WriteBuffer() {
  if (buffer_.empty()) return true;
  if (const int error = WriteFully(file_.Number(), buffer_)) {
    // What was written in part must not stand before what comes next.
    if (ftruncate(file_.Number(), static_cast<off_t>(file_bytes_)) != 0) return Fail(errno);
    return Fail(error);
  }
  file_bytes_ += buffer_.size();
  written_offset_ += buffer_.size();
  buffer_.clear();
  if (buffer_.capacity() > kKeptBytes) buffer_.shrink_to_fit();
  return true;
}

bool AofLog::Fail(int error) {
  error_ = error;
  return false;
}

}  // namespace slotway::storage
