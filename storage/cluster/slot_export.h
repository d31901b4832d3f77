// SPDX-License-Identifier: Apache-2.0
// What the source of a migration decides: the next step, when to give up, and what is true then.
//
//   connecting, authenticating, establishing   the target is to expect the slots
//   snapshotting                               their keys as they were at one moment
//   replicating                                what has changed since, until little is unanswered
//   waiting-to-pause                           the target says that it has what came, and from when
//                                              on it may take over
//   failing-over                               clients are held here, the rest is sent, the target
//                                              takes over or does not
//
// Only the last step gives anything away, and the target may take it for no longer than clients are
// held: it counts from before it let the source hold them. If it says no, or was never asked, the
// slots are here and clients go on. If nothing is heard of it the outcome is unknown until its time
// is up: then it says so itself, or has failed and this node claims its slots under a newer epoch.
// Nothing else needs undoing on this side. Pure: time is passed in. Engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/cluster/slot_migration.h"

namespace slotway::storage::cluster {

enum class TargetNews : std::uint8_t {
  kNone,
  kHasNotTaken,  // it lives, and does not say that the slots are its
  kHasFailed,
};

// What it needs of the connection to the target, and of this node.
class ExportPort {
 public:
  virtual ~ExportPort() = default;
  // Each is answered by OnConnected() or OnClosed(), and by OnAnswer(), in the order of asking.
  virtual void Connect() = 0;
  virtual bool HasLogin() const = 0;
  virtual void SendLogin() = 0;
  virtual void SendEstablish() = 0;
  // Answered "+ACK" when all that was sent before has been taken.
  virtual void SendMark() = 0;
  // Answered "+PAUSE": see above. It may take over for so long.
  virtual void AskToPause(std::int64_t pause_ms) = 0;
  // All that has changed, and then the question to take over. Answered "+DONE <epoch>".
  virtual void SendFinish() = 0;
  virtual void Disconnect() = 0;
  // False while another one is at work. OnSnapshotEnded() follows otherwise.
  virtual bool BeginSnapshot() = 0;
  // Requests for the slots wait, or go on.
  virtual void HoldClients(bool are_held) = 0;
  // The target has taken over under this epoch.
  virtual void GiveSlots(Epoch epoch) = 0;
  // This node claims its slots under an epoch above any that the target may have taken.
  virtual void RaiseEpoch() = 0;
  // What the cluster says of a target that has answered nothing, its time being over since then.
  virtual TargetNews NewsOfTarget(std::int64_t since_ms) const = 0;
  // What the target has not acknowledged, of what was sent or is kept to be sent.
  virtual std::size_t PendingBytes() const = 0;
};

struct ExportSettings {
  std::int64_t timeout_ms = 60'000;     // without a word of the target
  std::int64_t pause_ms = 5000;         // clients are held for so long at most
  std::int64_t node_timeout_ms = 2000;  // in which others tell what they know
  std::size_t handover_bytes = 0;       // pending when it begins; at most
  std::size_t pending_bytes_max = 256u << 20;
};

class SlotExport {
 public:
  SlotExport(ExportPort& port, MigrationRecord& record, const ExportSettings& settings)
      : port_(port), record_(record), settings_(settings) {}

  void Start(std::int64_t now_ms);
  void OnConnected(std::int64_t now_ms);
  void OnAnswer(std::string_view line, std::int64_t now_ms);
  void OnClosed(std::string_view reason, std::int64_t now_ms);
  void OnSnapshotEnded(bool is_complete, std::int64_t now_ms);
  // Ten times a second, and whenever something was sent.
  void Tick(std::int64_t now_ms);
  // The owners of slots have changed: whether all of the migration's are still this node's, or all
  // the target's.
  void OnOwners(bool are_mine, bool are_targets, std::int64_t now_ms);
  // Something made it pointless to go on: all keys were flushed, the changes cannot be sent.
  void Fail(std::string_view reason);
  // False when it is too late: the target has been asked to take over.
  bool Cancel();
  bool IsOver() const { return cluster::IsOver(record_.state); }
  // Whether what changes has to be sent.
  bool FollowsChanges() const {
    return record_.state >= MigrationState::kSnapshotting && !IsOver();
  }

 private:
  void Enter(MigrationState state) { record_.state = state; }
  void End(MigrationState state, std::string_view message);
  void OnRefusal(std::string_view error);
  void BeginSnapshot();
  void GoOnStreaming(std::int64_t now_ms);
  void BeginHandover(std::int64_t now_ms);

  ExportPort& port_;
  MigrationRecord& record_;
  ExportSettings settings_;
  std::int64_t heard_ms_ = 0;
  std::int64_t marked_ms_ = 0;
  bool awaits_mark_ = false;
  std::int64_t establish_again_ms_ = 0;  // 0: not to be asked again
  std::int64_t began_ms_ = 0;
  std::int64_t held_until_ms_ = 0;
  bool is_lost_ = false;  // the connection, after the target was asked to take over
  std::string lost_reason_;
};

}  // namespace slotway::storage::cluster
