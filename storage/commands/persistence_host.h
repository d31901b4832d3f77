// SPDX-License-Identifier: Apache-2.0
// What commands ask of saving, loading and ending, which the server above them does.
//
// Answers are errors as clients get them; nothing means that it was done. Engine thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace slotway::storage {

// What becomes of keys and functions that are there when others are loaded: they were flushed,
// forbid loading what has the same name, or are replaced by it.
enum class LoadPolicy : std::uint8_t { kFlushed, kForbids, kReplaces };

struct ShutdownRequest {
  bool saves = false;
  bool is_nosave = false;
  bool is_now = false;
  bool is_forced = false;
};

class PersistenceHost {
 public:
  virtual ~PersistenceHost() = default;

  // SAVE: the server stands still meanwhile.
  virtual std::optional<std::string> Save() = 0;
  // BGSAVE. `is_scheduled` tells whether it will begin only when something else has ended.
  virtual std::optional<std::string> BackgroundSave(bool may_wait, bool& is_scheduled) = 0;
  // BGREWRITEAOF; the rest as above.
  virtual std::optional<std::string> RewriteLog(bool& is_scheduled) = 0;
  // WAITAOF: everything that was changed is brought to the disk, in the background.
  virtual void SyncLogSoon() = 0;
  // DEBUG AOF-FLUSH-SLEEP: how long each write to the log takes in addition.
  virtual void SlowDownLog(std::chrono::microseconds by) = 0;
  // DEBUG LOADAOF: loads the append-only log there is.
  virtual std::optional<std::string> LoadLog() = 0;
  // Loads the RDB file there is.
  virtual std::optional<std::string> LoadFile(LoadPolicy policy) = 0;
  // FLUSHALL: a BGSAVE at work is given up, for what it saves is gone; where there are save points,
  // the empty data are saved.
  virtual void NoteFlushAll() = 0;
  // Ends the process in order, after the current batch, without waiting for anybody.
  virtual std::optional<std::string> ShutDown(const ShutdownRequest& request) = 0;
};

}  // namespace slotway::storage
