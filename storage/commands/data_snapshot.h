// SPDX-License-Identifier: Apache-2.0
// What a snapshot of a server is taken of, and what a file that is loaded brings to a server.
//
// Engine thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/persistence_host.h"
#include "storage/commands/replication_facts.h"
#include "storage/persistence/rdb_file_reader.h"
#include "storage/persistence/rdb_snapshot.h"

namespace slotway::storage {

class ServerState;

// Whoever names a larger offset than this, a file or a master, is not believed.
inline constexpr std::int64_t kReplOffsetMax = std::int64_t{1} << 62;

// All databases and functions, with the aux fields that every file begins with, and the form that
// the settings ask for. Callers add aux fields of their own (repl-id, aof-base) and may ask for an
// older version.
SnapshotSource SnapshotSourceOf(ServerState& server);
// The same with the history that the data is of, if anybody could go on from there: for a file that
// is loaded at the next start.
SnapshotSource SavedSourceOf(ServerState& server);
// What Saved... adds; nothing where nobody could go on from there.
std::optional<ReplicationHistory> SavedHistoryOf(const ServerState& server);
// The same as a note at the end of a log, "#HISTORY:id:offset:database": it holds as long as
// nothing stands behind it.
std::string NoteOf(const ReplicationHistory& history);
std::optional<ReplicationHistory> ReadHistoryNote(std::string_view note, int databases);
void AddHistory(SnapshotSource& source, const ReplicationHistory& history, int stream_db);
// The same for the base of an append-only log.
SnapshotSource LogBaseSourceOf(ServerState& server);

// How an RDB file is read into the server. A file of one's own drops keys whose time has come; what
// comes from a master, or begins a log, keeps them.
RdbReadOptions RdbReadOptionsOf(const ServerState& server, bool drops_due_keys, LoadPolicy policy);

// Takes what is read into a server.
class ServerReadTarget : public RdbReadTarget {
 public:
  ServerReadTarget(ServerState& server, LoadPolicy policy) : server_(server), policy_(policy) {}

  Keyspace* Database(std::uint64_t index) override;
  void Aux(std::string_view name, std::string_view value) override;
  std::optional<std::string> Function(std::string_view library) override;

  // All was read: false if it is no good now. Here it is in its place already.
  virtual bool TakePlace() { return true; }

  // The value of an aux field, if it was there; nullptr otherwise.
  const std::string* FindAux(std::string_view name) const;
  // The history that the data is of, if that was there.
  std::optional<ReplicationHistory> History() const;

 protected:
  // REQUIRES: the server has a database of this number.
  virtual Keyspace& Existing(int index);

  ServerState& server_;

 private:
  LoadPolicy policy_;
  std::vector<RdbAux> aux_;
};

// These libraries of functions instead of those there are; false if one cannot be loaded.
bool ReplaceFunctions(ServerState& server, const std::vector<std::string>& libraries);

// Deletes all keys, and functions if asked for, before others are loaded. Those who watch or track
// keys are told.
void FlushForLoading(ServerState& server, bool with_functions);

}  // namespace slotway::storage
