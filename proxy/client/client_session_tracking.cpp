// SPDX-License-Identifier: Apache-2.0
// A session whose client tracks keys: on whose connections its requests go, and what becomes of the
// old ones when that changes.
#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/command_table.h"
#include "proxy/client/client_session.h"
#include "proxy/client/local_command.h"
#include "proxy/client/tracking.h"

namespace slotway::proxy {

void ClientSession::StartTracking(TrackingOptions options, std::function<void()> on_ready) {
  bool is_new = tracking_ == nullptr;
  if (!is_new && tracking_->TryChange(options)) {
    for (const auto& old : old_trackings_) old->TryChange(options);
    if (on_ready) on_ready();
    return;
  }
  bool keeps_hearing = !is_new && tracking_->Options().is_bcast && options.is_bcast;
  if (!is_new) SetTrackingAside();
  tracking_ = std::make_unique<Tracking>(*this, services_, std::move(options));
  state_.ways |= kOwnConnections;
  if (!is_new && !keeps_hearing) {
    // What the shards remembered for the connections of before is forgotten.
    DropOldTrackings();
    tracking_->TellFlush();
  }
  // In BCAST mode the old connections tell until the new ones do, so that nothing is missed.
  tracking_->WhenReady([this, on_ready = std::move(on_ready)] {
    DropOldTrackings();
    if (on_ready) on_ready();
  });
}

// Requests take connections of the new version from now on. Those of the other one go on telling of
// what they remember, and are taken again if the client returns to it.
void ClientSession::CarryTrackingOver() {
  TrackingOptions options = tracking_->Options();
  bool has_forgotten = tracking_->HasUntoldReads();
  SetTrackingAside();
  auto same_version = std::find_if(
      old_trackings_.begin(), old_trackings_.end(),
      [this](const auto& old) { return !old->IsMuted() && old->Version() == state_.resp; });
  if (same_version != old_trackings_.end()) {
    tracking_ = std::move(*same_version);
    old_trackings_.erase(same_version);
  } else {
    tracking_ = std::make_unique<Tracking>(*this, services_, std::move(options));
  }
  state_.ways |= kOwnConnections;
  if (has_forgotten) tracking_->TellFlush();
  if (tracking_->Options().is_bcast) tracking_->WhenReady([this] { DropOldTrackings(); });
}

void ClientSession::StopTracking() {
  if (tracking_ != nullptr) SetTrackingAside();
  DropOldTrackings();
}

// Replies may be on their way on its connections.
void ClientSession::SetTrackingAside() {
  state_.ways &= static_cast<std::uint8_t>(~kOwnConnections);
  current_services_ = &services_;
  old_trackings_.push_back(std::move(tracking_));
}

// They tell nothing any more, and go as soon as nothing is owed to the client.
void ClientSession::DropOldTrackings() {
  for (const auto& old : old_trackings_) old->Mute();
  if (replies_.Outstanding() > 0) return;
  // Out of sight first: one that was never ready says so at its end, and this is called again.
  auto dropped = std::exchange(old_trackings_, {});
}

// shared: every worker keeps the snapshot as long as it needs it.
void ClientSession::UpdateTopology(const std::shared_ptr<const protocol::Topology>& topology) {
  if (tracking_) tracking_->UpdateTopology(topology);
  for (const auto& old : old_trackings_) old->UpdateTopology(topology);
}

bool ClientSession::ChooseConnections(const Request& request) {
  if (tracking_ == nullptr) return true;
  const LocalCommand* command = FindLocalCommand(request.id);
  bool is_transaction = request.spec->categories.Has(protocol::AclCategory::kTransaction);
  // What the proxy answers itself takes no connection; EXEC takes them for what was queued.
  if (command != nullptr && !is_transaction) return true;
  WorkerServices* wanted =
      tracking_->TakesRequest(*request.spec) ? &tracking_->Services() : &services_;
  if (wanted == current_services_) return true;
  if (replies_.Outstanding() > 0) return false;
  current_services_ = wanted;
  return true;
}

// CLIENT CACHING is about one command or one transaction.
void ClientSession::EndCaching(const Request& request) {
  if (tracking_ == nullptr || (state_.ways & kQueuesTransaction) != 0) return;
  static const protocol::CommandSpec* const client = protocol::FindCommandByFullName("client");
  auto own = client->subcommands;
  bool is_client_command = request.spec >= own.data() && request.spec < own.data() + own.size();
  if (!is_client_command) tracking_->SetCaching(Tracking::Caching::kUnsaid);
}

}  // namespace slotway::proxy
