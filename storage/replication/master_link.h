// SPDX-License-Identifier: Apache-2.0
// The connection of a replica to its master: introduces itself, takes the data set or what it has
// missed of the stream, then applies the stream for as long as it lasts. It connects again by
// itself.
//
// What was applied is passed on to this server's own replicas byte for byte, so that all of a
// history speak of the same offsets. Requests of the stream are applied as they come, within the
// checks of nobody; a transaction counts as applied with its EXEC. Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_request_parser.h"
#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/key_pace.h"
#include "storage/replication/sync_file.h"
#include "storage/replication/synced_data.h"

namespace slotway::storage {

class MasterLink final : private runtime::Connection::Handler {
 public:
  struct Hooks {
    // Runs a request of the stream.
    std::function<void(ClientState& master, std::span<const std::string_view> args)> apply;
    // The stream goes on by these bytes, which have been applied.
    std::function<void(std::string_view bytes)> advance;
    // What is here goes, for a whole data set: it is of no history until that is complete, and then
    // of this one.
    std::function<void()> begin_sync;
    std::function<void(const std::string& id, std::int64_t offset)> end_sync;
    // The stream goes on where we are; in a history with another name if `id` is not empty.
    std::function<void(const std::string& id)> resume;
    // It does not take over as it was asked to.
    std::function<void()> refused = {};
  };

  // `hands_over`: the other is to become the master first, or nothing comes of it.
  MasterLink(runtime::EventLoop& loop, ServerState& server, Hooks hooks, bool hands_over);
  ~MasterLink() override;

  // To be called ten times a second: connects, says how far we are, gives up who is silent.
  void Tick();
  // As CLIENT KILL does it; false: the link is not that client.
  bool Cut(std::uint64_t client_id);
  // A script runs for too long: nothing is taken before the next tick, which comes when it is over.
  // The data is the script's until then, and nothing of the stream may be refused.
  void StandStill();
  // In the middle of the stream it is not to be destroyed: it retires, and goes later.
  bool IsApplying() const { return is_applying_; }
  void Retire();
  // While the master counts as failed it is told of nothing that came.
  void SetMasterFailed(bool has_failed) { has_master_failed_ = has_failed; }

 private:
  // What is said to introduce ourselves, one after the other.
  enum class Step : std::uint8_t { kPing, kAuth, kPort, kHost, kCapabilities, kPsync };
  enum class Stage : std::uint8_t {
    kIdle,
    kResolving,
    kGreeting,
    kHeader,
    kPayload,
    kMark,
    kFile,  // it is on the disk, and read from there
    kStream
  };

  void OnConnected() override;
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override;
  void OnClosed(std::string_view reason) override;

  void GoOn();
  void Connect();
  void JoinClients();
  void LeaveClients();
  void Disconnect(std::string_view reason);
  void SetState(MasterLinkState state);
  void SayNext();
  void Send(std::span<const std::string_view> words);
  // Each returns how many bytes it took; 0: more are needed, or the link is down.
  std::size_t TakeLine(std::string_view input);
  void OnAnswer(std::string_view line);
  void OnPsyncAnswer(std::string_view line);
  void OnHeader(std::string_view line);
  std::size_t TakePayload(std::string_view input);
  std::size_t TakeMark(std::string_view input);
  // How what begins to come is read at once; nothing: over the disk.
  std::optional<SyncedData::Way> WayAtOnce() const;
  bool IsEmpty() const;
  std::size_t TakeToFile(std::string_view input);
  void BeginReadingFile();
  void ReadFileLater();
  void ReadFile();
  void GoOnWithFile(RdbFileReader::Status status);
  void BeginLoading(SyncedData::Way way);
  // All of it was read: it is what there is here, and the stream begins.
  void Accept();
  void EndLoading();
  std::size_t BytesAtATime() const;
  void KeepLoadPace();
  std::size_t TakeStream(std::string_view input);
  void Apply(std::string_view bytes);
  void BeginStream();
  // Once, at the end of this iteration of the loop: what it applies is in the own log then.
  void AcknowledgeLater();
  void Acknowledge();

  runtime::EventLoop& loop_;
  ServerState& server_;
  Hooks hooks_;
  bool hands_over_;
  std::shared_ptr<bool> is_alive_;  // shared: with a lookup of the master's name
  std::unique_ptr<runtime::Connection> connection_;
  Stage stage_ = Stage::kIdle;
  Step step_ = Step::kPing;
  std::int64_t next_attempt_ms_ = 0;
  std::int64_t acknowledged_ms_ = 0;
  std::int64_t acknowledged_on_disk_ = -1;
  bool acknowledges_later_ = false;
  bool is_applying_ = false;
  bool stands_still_ = false;
  // redis-server may hear the first acknowledgement before it has seen that its snapshot is sent,
  // and then begins its stream with the next: until then they come often.
  std::int64_t acknowledges_often_until_ms_ = 0;
  bool has_master_failed_ = false;

  // The data set on its way.
  std::string mark_;  // behind it; empty: it has a length
  std::optional<SyncedData> data_;
  KeyPace load_pace_;
  runtime::Timer pace_timer_;
  bool is_held_back_ = false;  // by it
  std::unique_ptr<SyncFile> file_;
  std::string end_of_file_;  // the last bytes of what came, to know the mark
  std::string sync_id_;
  std::int64_t sync_offset_ = 0;

  ClientState master_;
  protocol::RespRequestParser parser_;
  std::string in_transaction_;  // applied when its EXEC is
};

}  // namespace slotway::storage
