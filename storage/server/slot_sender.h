// SPDX-License-Identifier: Apache-2.0
// One migration at its source: the connection to the target, the snapshot and the changes that go
// over it, as cluster/slot_export decides.
//
//   AUTH ...
//   CLUSTER SYNCSLOTS ESTABLISH <name> <source> <target> <first> <last> ...      +OK
//   RESTORE ..., then what has changed, as replicas get it                       (no answers)
//   CLUSTER SYNCSLOTS ACK                now and then                            +ACK
//   CLUSTER SYNCSLOTS PAUSE <ms>         when little is unanswered               +PAUSE
//   the rest; CLUSTER SYNCSLOTS FINISH                                           +DONE <epoch>
//
// What changes while the snapshot is on its way is kept, and bounded (client-output-buffer-limit
// replica). Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "storage/cluster/slot_export.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/rdb_snapshot.h"
#include "storage/server/slot_changes.h"

namespace slotway::storage {

class SlotSender final : public cluster::ExportPort,
                         private ChangeFeed,
                         private SnapshotSink,
                         private runtime::Connection::Handler {
 public:
  struct Target {
    std::string ip;
    std::uint16_t port = 0;
  };
  struct Hooks {
    std::function<void(bool are_held)> hold_clients;
    std::function<void(cluster::Epoch)> give_slots;
    std::function<void()> raise_epoch;
    std::function<cluster::TargetNews(std::int64_t since_ms)> news_of_target;
    // Something has happened: whether it is over may be looked at.
    std::function<void()> changed;
    std::function<std::int64_t()> now_ms;  // never goes back
  };

  SlotSender(runtime::EventLoop& loop, ServerState& server, cluster::MigrationRecord record,
             Target target, const cluster::ExportSettings& settings, Hooks hooks);
  ~SlotSender() override;

  void Start() { machine_.Start(hooks_.now_ms()); }
  void Tick();
  cluster::SlotExport& Machine() { return machine_; }
  const cluster::MigrationRecord& Record() const { return record_; }
  const cluster::SlotBitmap& Slots() const { return slots_; }

 private:
  void Connect() override;
  bool HasLogin() const override { return !server_.Config().masterauth.empty(); }
  void SendLogin() override;
  void SendEstablish() override;
  void SendMark() override;
  void AskToPause(std::int64_t pause_ms) override;
  void SendFinish() override;
  void Disconnect() override;
  bool BeginSnapshot() override;
  void HoldClients(bool are_held) override { hooks_.hold_clients(are_held); }
  void GiveSlots(cluster::Epoch epoch) override { hooks_.give_slots(epoch); }
  void RaiseEpoch() override { hooks_.raise_epoch(); }
  cluster::TargetNews NewsOfTarget(std::int64_t since_ms) const override {
    return hooks_.news_of_target(since_ms);
  }
  std::size_t PendingBytes() const override {
    return sent_bytes_ - acknowledged_bytes_ + kept_bytes_;
  }

  void Append(std::string_view commands) override;

  void Take(std::string& chunk) override;
  bool HasRoom() const override;
  bool HasFailed() const override { return connection_ == nullptr; }

  void OnConnected() override;
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { OnClosed("closed by the target"); }
  void OnClosed(std::string_view reason) override;

  void Say(std::span<const std::string_view> words);
  void Send(std::string_view bytes);
  void SendKept();
  void OnSnapshotEnded(bool is_complete);
  void Touch();

  runtime::EventLoop& loop_;
  ServerState& server_;
  cluster::MigrationRecord record_;
  cluster::SlotBitmap slots_;
  Target target_;
  Hooks hooks_;
  cluster::SlotExport machine_;
  SlotChanges changes_;
  std::unique_ptr<runtime::Connection> connection_;
  std::vector<std::string> kept_;  // changes, until the snapshot is sent
  std::size_t kept_bytes_ = 0;
  std::size_t sent_bytes_ = 0;
  std::size_t marked_bytes_ = 0;  // behind the last question that is answered when all is taken
  std::size_t acknowledged_bytes_ = 0;
  bool is_fed_ = false;
  bool has_snapshot_ = false;  // it is at work
  bool is_snapshot_sent_ = false;
  std::string problem_;  // with a change: nothing may end within the command that made it
};

}  // namespace slotway::storage
