// SPDX-License-Identifier: Apache-2.0
// Brings a file that grows to the disk, by a thread of its own.
//
// One request at a time: a new one is taken when the last one is done. All calls belong to one
// thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace slotway::storage {

class SyncThread {
 public:
  SyncThread();
  ~SyncThread();
  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;

  bool IsBusy() const { return is_busy_.load(); }
  // Syncs the file; once that is done everything before `offset` is on the disk. The file stays
  // open until then. REQUIRES: !IsBusy().
  void Begin(int file, std::uint64_t offset);
  // Waits for the one at work, if there is one.
  void Wait();
  // Of those that were done and did not fail.
  std::uint64_t SyncedOffset() const { return synced_offset_.load(); }
  // errno of the last one, 0 if it went well.
  int Errno() const { return error_.load(); }

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  int file_ = -1;             // guarded by mutex_
  std::uint64_t offset_ = 0;  // guarded by mutex_
  bool ends_ = false;         // guarded by mutex_
  std::atomic<bool> is_busy_ = false;
  std::atomic<std::uint64_t> synced_offset_ = 0;
  std::atomic<int> error_ = 0;
  std::thread thread_;
};

}  // namespace slotway::storage
