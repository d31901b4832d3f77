// SPDX-License-Identifier: Apache-2.0
// Those who follow this server: what they get, and how far they are.
//
//   wait      it asked for the whole data set: one snapshot begins for all who wait
//   snapshot  that is on its way: marked at its end, straight from the data; or by its length, from
//             a file, for those who do not know the mark
//   await     it has the snapshot; the stream follows when it says that it has taken it
//   online    it gets the stream from the log, as fast as it takes it
//
// Nothing is kept per replica but a place in the log: one that is too far behind is dropped, and so
// is one that is not heard for repl-timeout. Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/owned_fd.h"
#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/background_file.h"
#include "storage/persistence/rdb_snapshot.h"
#include "storage/replication/replication_log.h"

namespace slotway::storage {

// What a client wants of the data: REPLCONF rdb-filter-only, rdb-only.
struct SnapshotWish {
  bool has_keys = true;
  bool has_functions = true;
  bool has_stream = true;

  bool IsFiltered() const { return !has_keys || !has_functions; }
  bool WantsTheSame(const SnapshotWish& other) const {
    return has_keys == other.has_keys && has_functions == other.has_functions;
  }
};

class Replicas final : private ChangeFeed, private SnapshotSink {
 public:
  Replicas(runtime::EventLoop& loop, ServerState& server);
  ~Replicas() override;

  bool CanResume(std::int64_t offset) const { return has_log_ && log_.Has(offset); }
  void SetWish(const ClientState& client, const SnapshotWish& wish) { wishes_[client.id] = wish; }
  // Everything, unless it has said otherwise.
  SnapshotWish WishOf(const ClientState& client) const {
    const auto found = wishes_.find(client.id);
    return found == wishes_.end() ? SnapshotWish() : found->second;
  }
  // The client's stream goes on behind `offset`. REQUIRES: CanResume(offset).
  void Resume(ClientState& client, std::int64_t offset);
  // It gets the whole data set first.
  void BeginSync(ClientState& client);
  bool Contains(const ClientState& client) const { return replicas_.contains(client.id); }
  void Remove(const ClientState& client);
  void DropAll(std::string_view reason);

  void NoteAcknowledged(const ClientState& client, std::int64_t offset,
                        std::optional<std::int64_t> on_disk);
  std::int64_t CountAcknowledged(std::int64_t offset) const;
  std::int64_t CountOnDisk(std::int64_t offset) const;
  std::size_t UnsentBytes() const;
  void OnOutputSent(const ClientState& client);
  // Adds "REPLCONF GETACK *" to the stream, once per iteration of the loop.
  void AskAll();

  // The stream as it comes from the own master.
  void AppendRaw(std::string_view bytes);
  // Whether changes of this server are the stream: not while it follows a master.
  void SetIsSource(bool is_source);
  // The log begins anew behind `offset`: whoever reads it must be gone.
  void ResetLog(std::int64_t offset);
  // Makes the log, so that it can be resumed from here on.
  void KeepLog();

  // To be called ten times a second.
  void Tick();
  void ApplySettings();

 private:
  enum class Stage : std::uint8_t { kWait, kSnapshot, kAwait, kOnline };
  struct SentFile {
    runtime::OwnedFd file;
    std::uint64_t bytes = 0;
  };
  struct Replica {
    ClientState* client;
    Stage stage = Stage::kWait;
    SnapshotWish wish = {};
    bool reads_log = false;
    std::int64_t position = 0;  // in the log
    std::int64_t acknowledged = 0;
    bool has_acknowledged = false;
    std::int64_t on_disk = -1;  // of that; -1: it does not say
    std::int64_t heard_ms = 0;  // or, in a marked snapshot, when it took some of that
    runtime::ByteQueue::Position taken = 0;
    std::int64_t behind_since_ms = 0;  // beyond the soft limit; 0: it is not
    // shared: by those who get the same snapshot from a file; nullptr when all of it is sent.
    std::shared_ptr<const SentFile> file = {};
    std::uint64_t file_offset = 0;
  };

  void Append(std::string_view commands) override;
  void Take(std::string& chunk) override;
  bool HasRoom() const override;
  bool HasFailed() const override;

  Replica* Find(const ClientState& client);
  void StartReading(Replica& replica, std::int64_t offset);
  void StopReading(Replica& replica);
  void Drop(Replica& replica, std::string_view reason);

  void StartSnapshotIfDue();
  void StartSnapshot(const SnapshotWish& wanted);
  void GiveUpSnapshotIfUseless();
  void EndSnapshot(bool is_complete);
  void SendFileIfWritten();
  void GoOnline(Replica& replica);
  void LetGo(Replica& replica);

  void NoteLogBytes();
  void PumpLater();
  void Pump(Replica& replica);
  bool PumpFile(Replica& replica);
  void PingReplicas();
  void CheckReplicas();
  bool IsTooFarBehind(Replica& replica);
  bool TakesNothing(Replica& replica);
  static std::string_view StateOf(const Replica& replica);
  void UpdateFacts();
  // Of those that are in the facts already: how far they are.
  void UpdateProgress();
  template <class Visit>
  void ForEach(Stage stage, Visit visit);

  runtime::EventLoop& loop_;
  ServerState& server_;
  ReplicationLog log_;
  bool has_log_ = false;
  bool is_source_ = false;
  std::int64_t unused_since_ms_ = 0;              // the log, without replicas
  std::map<std::uint64_t, Replica> replicas_;     // by client id
  std::map<std::uint64_t, SnapshotWish> wishes_;  // of those who want less than everything

  std::int64_t waiting_since_ms_ = 0;  // 0: nobody waits for a snapshot
  bool has_snapshot_ = false;          // one is at work, or its file is being brought to its end
  std::string mark_;                   // behind it; empty: it goes to a file
  std::unique_ptr<BackgroundFile> file_;
  std::string file_name_;
  bool is_file_complete_ = false;

  std::int64_t pinged_ms_ = 0;
  std::int64_t kept_alive_ms_ = 0;
  bool is_pumping_later_ = false;
  bool has_asked_ = false;
};

}  // namespace slotway::storage
