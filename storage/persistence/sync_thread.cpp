// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/sync_thread.h"

#include <cerrno>
#include <unistd.h>

namespace slotway::storage {

SyncThread::SyncThread() : thread_([this] { Run(); }) {}

SyncThread::~SyncThread() {
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SyncThread::Begin(int file, std::uint64_t offset) {
  {
    std::lock_guard lock(mutex_);
    file_ = file;
    offset_ = offset;
    is_busy_ = true;
  }
  changed_.notify_all();
}

void SyncThread::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_busy_; });
}

void SyncThread::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_busy_ || ends_; });
    if (!is_busy_) return;
    const int file = file_;
    lock.unlock();
    const int error = fdatasync(file) == 0 ? 0 : errno;
    lock.lock();
    error_ = error;
    if (error == 0) synced_offset_ = offset_;
    is_busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace slotway::storage
