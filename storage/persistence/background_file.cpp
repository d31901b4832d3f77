// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/background_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "storage/persistence/file_sync.h"

namespace slotway::storage {
namespace {

// Synced as it grows, so that the end does not have to wait for all of it.
constexpr std::uint64_t kSyncBytes = std::uint64_t{32} << 20;

}  // namespace

std::string TemporaryBeside(const std::string& file) {
  const std::size_t name = file.rfind('/') + 1;
  return file.substr(0, name) + "temp-" + std::to_string(getpid()) + "." + file.substr(name);
}

runtime::Result<std::unique_ptr<BackgroundFile>> BackgroundFile::Create(std::string temporary) {
  const int number = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                          S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (number < 0) return runtime::Fail(temporary + ": " + std::strerror(errno));
  return std::unique_ptr<BackgroundFile>(
      new BackgroundFile(std::move(temporary), runtime::OwnedFd(number)));
}

BackgroundFile::BackgroundFile(std::string temporary, runtime::OwnedFd file)
    : temporary_(std::move(temporary)), file_(std::move(file)), thread_([this] { Run(); }) {}

BackgroundFile::~BackgroundFile() {
  {
    std::lock_guard lock(mutex_);
    if (!has_end_) is_dropped_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (is_dropped_ || error_ != 0) unlink(temporary_.c_str());
}

void BackgroundFile::Take(std::string& chunk) {
  if (chunk.empty() || HasFailed()) return;
  bytes_taken_ += chunk.size();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queued_bytes_ < kQueuedBytesMax || HasFailed(); });
  for (; written_chunks_ > 0; --written_chunks_) chunks_.pop_front();
  queued_bytes_ += chunk.size();
  chunks_.push_back(std::make_unique<const std::string>(std::exchange(chunk, {})));
  lock.unlock();
  changed_.notify_all();
}

bool BackgroundFile::HasRoom() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_ < kRoomBytes;
}

void BackgroundFile::Commit(std::string name) {
  {
    std::lock_guard lock(mutex_);
    name_ = std::move(name);
    has_end_ = true;
  }
  changed_.notify_all();
}

void BackgroundFile::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return IsFinished(); });
}

void BackgroundFile::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock,
                  [this] { return written_chunks_ < chunks_.size() || has_end_ || is_dropped_; });
    if (is_dropped_) return;
    if (written_chunks_ == chunks_.size()) break;
    const std::string& chunk = *chunks_[written_chunks_];
    lock.unlock();
    if (!HasFailed()) Write(chunk);
    lock.lock();
    queued_bytes_ -= chunk.size();
    ++written_chunks_;
    changed_.notify_all();
  }
  lock.unlock();
  Finish();
  lock.lock();
  is_finished_ = true;
  changed_.notify_all();
}

void BackgroundFile::Write(const std::string& chunk) {
  if (const int error = WriteFully(file_.Number(), chunk)) {
    error_ = error;
    return;
  }
  unsynced_bytes_ += chunk.size();
  if (unsynced_bytes_ < kSyncBytes) return;
  unsynced_bytes_ = 0;
  if (fdatasync(file_.Number()) != 0) error_ = errno;
}

void BackgroundFile::Finish() {
  if (HasFailed()) return;
  if (fsync(file_.Number()) != 0 || rename(temporary_.c_str(), name_.c_str()) != 0) {
    error_ = errno;
  } else {
    error_ = SyncDirectoryOf(name_);
  }
}

}  // namespace slotway::storage
