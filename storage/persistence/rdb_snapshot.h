// SPDX-License-Identifier: Apache-2.0
// All data of a server as it is now, written as an RDB file, or as commands, while the server goes
// on: no fork.
//
// Begin it, call Step() again and again - in the turns of a loop, or at once for a file that is
// waited for - until it says that there is no more. What is written is the data of the moment of
// the beginning (see engine/entry_capture.h), whatever changes meanwhile. Writes that touch what
// has not been written yet hand it to the sink from within: so a sink must take what it is given
// even when it said that it has no room; Step() asks before and leaves the walk for later. A
// large hash, set or sorted set is not written from within: its elements are taken as they change,
// and written some at a time. A snapshot that is not wanted any more, or whose sink has failed, is
// given up: Step() then only brings the walk to its end, so that the next snapshot may begin. The
// keyspaces must outlive it, and a snapshot that is destroyed before its walk has ended must be the
// last thing that happens to them. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/persistence/large_value.h"
#include "storage/persistence/paced_snapshot.h"
#include "storage/persistence/rdb_file_writer.h"

namespace slotway::storage {

// Where a snapshot goes: a file, a replica's socket.
class SnapshotSink : public RdbSink {
 public:
  // Whether more may be given now.
  virtual bool HasRoom() const = 0;
  // Whether giving more is of no use. It may fail at any time.
  virtual bool HasFailed() const = 0;
};

// What a snapshot is taken of.
struct SnapshotSource {
  struct Database {
    int index;
    Keyspace* keyspace;
  };
  std::vector<Database> databases;
  std::vector<RdbAux> aux;             // in the order in which they are written
  std::vector<std::string> libraries;  // of functions
  enum class Form : std::uint8_t { kRdb, kCommands } form = Form::kRdb;
  RdbFileOptions options;         // kRdb
  std::int64_t noted_time_s = 0;  // kCommands
  enum class Access : std::uint8_t { kNone, kIdle, kFrequency } access = Access::kNone;
  std::int64_t now_ms = 0;
  std::int64_t key_delay_us = 0;  // see key_pace.h
};

class RdbSnapshot final : public PacedSnapshot {
 public:
  // Takes the moment. `sink` must outlive it.
  RdbSnapshot(SnapshotSource source, SnapshotSink& sink);
  ~RdbSnapshot() override;
  RdbSnapshot(const RdbSnapshot&) = delete;
  RdbSnapshot& operator=(const RdbSnapshot&) = delete;

  bool Step(std::size_t max_keys) override;
  void GiveUp() override { is_given_up_ = true; }
  bool IsGivenUp() const override { return is_given_up_; }

  std::uint64_t KeysWritten() const override { return writer_->KeysWritten(); }
  std::uint64_t KeysInAll() const override { return keys_in_all_; }

 private:
  struct DatabaseCapture;

  void WriteKey(int db_index, Keyspace& keyspace, const Entry& entry);

  SnapshotSource source_;
  SnapshotSink& sink_;
  std::unique_ptr<SnapshotWriter> writer_;
  std::vector<std::unique_ptr<DatabaseCapture>> captures_;
  std::deque<std::unique_ptr<LargeValue>> large_values_;  // the first is being written
  std::size_t current_ = 0;                               // of captures_
  std::uint64_t keys_in_all_ = 0;
  bool is_given_up_ = false;
};

}  // namespace slotway::storage
