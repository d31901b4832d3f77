// SPDX-License-Identifier: Apache-2.0
// What INFO says of saving and loading, and what other commands must know of it.
//
// Written by the server's persistence service, read by commands. Engine thread only.
#pragma once

#include <cstdint>
#include <string>

namespace slotway::storage {

struct LoadingFacts {
  bool is_loading = false;
  // A master's data comes beside what is served as ever: the above is false then.
  bool is_async = false;
  std::int64_t start_time_s = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t loaded_bytes = 0;
  std::uint64_t start_used_bytes = 0;   // memory at the start
  std::uint64_t last_keys_loaded = 0;   // of the last RDB file that was loaded
  std::uint64_t last_keys_expired = 0;  // left out there, since their time had come

  bool IsOn() const { return is_loading || is_async; }
};

struct SavingFacts {
  bool is_saving = false;  // BGSAVE is at work
  bool is_scheduled = false;
  bool has_failed = false;  // the last BGSAVE
  std::int64_t last_save_time_s = 0;
  std::int64_t last_try_time_s = 0;  // of a BGSAVE by a save point
  std::int64_t start_time_s = 0;     // of the BGSAVE at work
  std::int64_t last_duration_s = -1;
  std::uint64_t saves = 0;
  std::uint64_t keys_written = 0;  // of the snapshot at work, whatever it is for
  std::uint64_t keys_in_all = 0;
};

struct LogFacts {
  bool is_on = false;
  bool is_rewriting = false;
  bool is_scheduled = false;        // a rewrite
  bool rewrite_has_failed = false;  // the last one
  std::int64_t rewrite_start_s = 0;
  std::int64_t last_rewrite_duration_s = -1;
  std::uint64_t rewrites = 0;
  std::uint64_t failures_in_a_row = 0;  // of rewrites
  std::string write_error;              // of the last write; empty when it went well
  std::uint64_t bytes = 0;              // of all its files
  std::uint64_t bytes_at_rewrite = 0;   // after the last one, or at the start
  std::uint64_t buffered_bytes = 0;
  bool is_syncing = false;
  std::uint64_t delayed_syncs = 0;
  // What was added since the process began, and what of it is on the disk.
  std::uint64_t added_bytes = 0;
  std::uint64_t synced_bytes = 0;
  // Up to where the disk has the stream of changes; -1 while there is no log.
  std::int64_t synced_offset = -1;
  // Counts the times that all the data was replaced beside the log, by that of a master: until it
  // is rewritten the log does not have it.
  std::uint64_t data_replaced = 0;
  bool is_whole = true;  // it has all the data
};

struct PersistenceFacts {
  LoadingFacts loading;
  SavingFacts saving;
  LogFacts log;
  // Why writes are refused: the disk does not take them. Empty otherwise.
  std::string write_refusal;
  // When the process ends at the latest; 0: nobody has asked it to.
  std::int64_t shutdown_at_ms = 0;
};

}  // namespace slotway::storage
