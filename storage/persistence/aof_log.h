// SPDX-License-Identifier: Apache-2.0
// The end of an append-only log: what is added to its newest file, and when that is on the disk.
//
// Add() gathers what one turn of the loop changes; Write() hands it to the file, and under kAlways
// to the disk, before the replies of that turn leave. Under kEverysec a thread syncs once a second;
// while it is at work writing waits, for up to two seconds. A write that fails leaves the file as
// it was before and is tried again with the next. Offsets count the bytes added since the log was
// opened. Engine thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/owned_fd.h"
#include "storage/persistence/sync_thread.h"

namespace slotway::storage {

enum class AofSync : std::uint8_t { kAlways, kEverysec, kNo };

class AofLog {
 public:
  ~AofLog();

  // Goes on in another file, of that size; what was added so far is written to the last one. errno,
  // or 0.
  int Open(const std::string& file);
  bool IsOpen() const { return file_.IsOpen(); }
  // Writes and syncs what there is, and closes the file. errno, or 0.
  int Close();

  void Add(std::string_view commands) { buffer_.append(commands); }
  // `may_sync`: false while syncing is to wait for something else (no-appendfsync-on-rewrite). True
  // unless it has failed, see Errno().
  bool Write(AofSync policy, std::uint64_t now_ms, bool may_sync);
  // Whether something waits to be written or synced.
  bool HasMore() const { return !buffer_.empty() || synced_offset() < written_offset_; }
  // Writes what there is and begins to bring it to the disk, unless the thread is at work. Whether
  // it has begun.
  bool BeginSync();
  // Writes and syncs at once. errno, or 0.
  int SyncNow();

  // Of the last write or sync; 0 when it went well.
  int Errno() const { return error_; }
  bool FailsToSync() const { return error_ != 0 || syncer_.Errno() != 0; }
  std::uint64_t added_offset() const { return written_offset_ + buffer_.size(); }
  std::uint64_t synced_offset() const {
    return synced_at_once_ > syncer_.SyncedOffset() ? synced_at_once_ : syncer_.SyncedOffset();
  }
  std::uint64_t FileBytes() const { return file_bytes_; }
  std::size_t BufferedBytes() const { return buffer_.size(); }
  bool IsSyncing() const { return syncer_.IsBusy(); }
  std::uint64_t DelayedSyncs() const { return delayed_syncs_; }

 private:
  bool WriteBuffer();
  bool Fail(int error);

  runtime::OwnedFd file_;
  std::string buffer_;
  std::uint64_t file_bytes_ = 0;  // of the file that is open
  std::uint64_t written_offset_ = 0;
  std::uint64_t synced_at_once_ = 0;
  std::uint64_t last_sync_ms_ = 0;
  std::uint64_t postponed_since_ms_ = 0;  // 0: writing does not wait
  std::uint64_t delayed_syncs_ = 0;
  int error_ = 0;
  SyncThread syncer_;
};

}  // namespace slotway::storage
