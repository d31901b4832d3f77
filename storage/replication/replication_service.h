// SPDX-License-Identifier: Apache-2.0
// Replication of a server as a whole: whom it follows, who follows it, and what becomes of its
// history when that changes. What commands ask is answered here. Engine thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "storage/commands/replication_host.h"
#include "storage/commands/server_state.h"
#include "storage/replication/failover.h"
#include "storage/replication/master_link.h"
#include "storage/replication/replicas.h"

namespace slotway::storage {

class ReplicationService final : public ReplicationHost {
 public:
  using ApplyRequest =
      std::function<void(ClientState& master, std::span<const std::string_view> args)>;

  // `apply` runs requests of the master's stream.
  ReplicationService(runtime::EventLoop& loop, ServerState& server, ApplyRequest apply);
  ~ReplicationService() override;

  // To be called when the data is loaded, which may be of a history that others can go on from.
  // Before nobody is followed.
  void Start(const std::optional<ReplicationHistory>& loaded);
  // To be called ten times a second.
  void Tick();
  // CLIENT KILL of the master's link; false: it is not that client.
  bool CutMaster(std::uint64_t client_id) { return master_ && master_->Cut(client_id); }
  // To be called when a script is found to run for too long; Tick() comes when it is over.
  void StandStill() {
    if (master_) master_->StandStill();
  }
  void ApplySettings() { replicas_.ApplySettings(); }
  void OnOutputSent(const ClientState& client) { replicas_.OnOutputSent(client); }

  void Attach(CommandContext& ctx, std::string_view id, std::int64_t offset) override;
  std::optional<std::string> Configure(ClientState& client, std::string_view option,
                                       std::string_view value, bool& is_silent) override;
  void Follow(std::string host, int port) override;
  void BecomeMaster() override;
  std::int64_t CountAcknowledged(std::int64_t offset) const override {
    return replicas_.CountAcknowledged(offset);
  }
  std::int64_t CountOnDisk(std::int64_t offset) const override {
    return replicas_.CountOnDisk(offset);
  }
  void NoteAcknowledged(ClientState& client, std::int64_t offset,
                        std::optional<std::int64_t> on_disk) override;
  void SetMasterFailed(bool has_failed) override {
    if (master_) master_->SetMasterFailed(has_failed);
  }
  void AskReplicas() override { replicas_.AskAll(); }
  std::size_t UnsentBytes() const override { return replicas_.UnsentBytes(); }
  bool IsReplica(const ClientState& client) const override { return replicas_.Contains(client); }
  void Detach(const ClientState& client) override { replicas_.Remove(client); }
  std::optional<std::string> TakeOver(std::string_view id) override;
  std::optional<std::string> BeginFailover(const FailoverRequest& request) override {
    return failover_.Begin(request);
  }
  std::optional<std::string> AbortFailover() override { return failover_.Abort(); }

 private:
  bool CanResume(std::string_view id, std::int64_t offset) const;
  MasterLink::Hooks LinkHooks();
  void BeginToFollow(std::string host, int port, bool hands_over);
  void Connect(bool hands_over);
  void TakeBack();
  void DropMaster();
  void RewriteFile();
  void RoleIntoSettings();
  void RenameHistory(const std::string& id);

  runtime::EventLoop& loop_;
  ServerState& server_;
  ApplyRequest apply_;
  Replicas replicas_;
  std::unique_ptr<MasterLink> master_;
  std::vector<std::unique_ptr<MasterLink>> retired_;  // until the next tick
  Failover failover_;
  bool is_started_ = false;
};

}  // namespace slotway::storage
