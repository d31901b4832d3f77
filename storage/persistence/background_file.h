// SPDX-License-Identifier: Apache-2.0
// A file that comes to be beside another: its bytes are written by a thread of its own, and when it
// is complete and on the disk, it takes the other's place at once.
//
// Take() hands bytes over and waits only while more than kQueuedBytesMax wait to be written: a disk
// that is slower than what must be preserved for a snapshot stalls writes then. Everything but the
// thread's own work belongs to one thread, the engine's. Destroyed before Commit(), or after a
// failure, it leaves no file behind.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/owned_fd.h"
#include "runtime/result.h"
#include "storage/persistence/rdb_snapshot.h"

namespace slotway::storage {

// A name beside `file` for what is to take its place; of this process only.
std::string TemporaryBeside(const std::string& file);

class BackgroundFile final : public SnapshotSink {
 public:
  // Beyond this HasRoom() says no; beyond the other Take() waits.
  static constexpr std::size_t kRoomBytes = std::size_t{8} << 20;
  static constexpr std::size_t kQueuedBytesMax = std::size_t{64} << 20;

  // Writes `temporary`, which is made anew.
  static runtime::Result<std::unique_ptr<BackgroundFile>> Create(std::string temporary);
  ~BackgroundFile() override;

  void Take(std::string& chunk) override;
  bool HasRoom() const override;
  bool HasFailed() const override { return error_.load() != 0; }

  // All has been given: sync it, and give it this name in the same directory.
  void Commit(std::string name);
  // Whether what Commit() asked for was done, or has failed.
  bool IsFinished() const { return is_finished_.load(); }
  // Waits for that. REQUIRES: Commit() was called.
  void Wait();
  // Why it has failed, 0 if it has not.
  int Errno() const { return error_.load(); }
  std::uint64_t BytesTaken() const { return bytes_taken_; }

 private:
  BackgroundFile(std::string temporary, runtime::OwnedFd file);
  void Run();
  void Write(const std::string& chunk);
  void Finish();

  std::string temporary_;
  std::string name_;  // set before has_end_
  runtime::OwnedFd file_;
  std::uint64_t bytes_taken_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_. Made and freed by the engine's thread only, whose memory is counted (see
  // runtime::HeapMeter): the other one counts off what it has written.
  std::deque<std::unique_ptr<const std::string>> chunks_;
  std::size_t written_chunks_ = 0;    // of those, guarded by mutex_
  std::size_t queued_bytes_ = 0;      // guarded by mutex_
  bool has_end_ = false;              // guarded by mutex_
  bool is_dropped_ = false;           // guarded by mutex_
  std::uint64_t unsynced_bytes_ = 0;  // the thread's
  std::atomic<int> error_ = 0;
  std::atomic<bool> is_finished_ = false;
  std::thread thread_;
};

}  // namespace slotway::storage
