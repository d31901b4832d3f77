// SPDX-License-Identifier: Apache-2.0
// CLIENT TRACKING of one client: connections of its own to the shards, which remember there what it
// has read and tell when that changes.
//
// So a shard does the remembering exactly, with its own bounds, NOLOOP and prefixes. What a client
// does not want to be remembered (OPTIN without CACHING YES, OPTOUT after CACHING NO) goes by the
// worker's shared connections instead; changing between the two waits for what is unanswered. To a
// RESP2 client a shard tells nothing on the connection that reads: there it redirects to a second
// connection of ours. A lost connection and a slot with a new owner mean that something was
// forgotten: the client is told to drop everything. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/tracking_options.h"
#include "proxy/client/worker_services.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/router.h"

namespace slotway::proxy {

struct TrackingOptions : protocol::TrackingOptions {
  std::size_t redirect_worker = 0;  // where the client lives that it redirects to
};

class Tracking final : private OwnConnections::Watcher {
 public:
  using Caching = protocol::TrackingCaching;

  Tracking(ClientSession& session, WorkerServices& shared, TrackingOptions options);
  ~Tracking() override;

  const TrackingOptions& Options() const { return options_; }
  // Takes other options on if they change nothing at the shards, where the client's reads are
  // remembered: another redirection, OPTIN, OPTOUT. Else false, and nothing is changed.
  bool TryChange(const TrackingOptions& options);
  // The services whose dispatcher has the client's own connections.
  WorkerServices& Services() { return *services_; }
  // Whether this request has to take the client's own connections.
  bool TakesRequest(const protocol::CommandSpec& spec);

  Caching GetCaching() const { return caching_; }
  // For the next command, or transaction.
  void SetCaching(Caching caching) { caching_ = caching; }
  bool IsRedirectBroken() const { return is_redirect_broken_; }
  // The client that was to be told instead has gone.
  void NoteRedirectBroken();

  // Calls `on_ready` when every master that can be reached will tell of changes; at once if there
  // is nothing to wait for.
  void WhenReady(std::function<void()> on_ready);
  void UpdateTopology(const std::shared_ptr<const protocol::Topology>& topology);  // shared: immutable
  // Tells the client to drop everything it has cached, soon.
  void TellFlush();
  // Whose replies its connections speak.
  protocol::RespVersion Version() const { return version_; }
  // Whether a RESP2 client that redirects to nobody has read something that no shard remembers.
  bool HasUntoldReads() const { return !is_told_ && has_taken_; }
  // The client hears no more of it.
  void Mute() { is_muted_ = true; }
  bool IsMuted() const { return is_muted_; }
  // Ends all work on its connections. What is unanswered gets errors.
  void Shutdown();

 private:
  void OnPush(std::string_view push) override;
  void OnConnectionReady() override { CheckReady(); }
  void OnConnectionLost() override { TellFlush(); }
  void OnOwnersChanged() override { TellFlush(); }

  void CheckReady();
  void Tell(std::string_view push);

  ClientSession& session_;
  WorkerServices& shared_;
  TrackingOptions options_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<WorkerServices> services_;
  std::function<void()> on_ready_;
  runtime::Timer ready_timer_;  // bounds the wait
  runtime::Timer flush_timer_;  // runs while the client has to be told to drop everything
  Caching caching_ = Caching::kUnsaid;
  bool is_redirect_broken_ = false;
  protocol::RespVersion version_;
  bool is_told_;  // not a RESP2 client that redirects to nobody, unless it tracks by prefixes
  bool has_taken_ = false;
  bool is_muted_ = false;
  bool is_shut_down_ = false;
};

// A shard's `invalidate` push for the client that it concerns or that is told instead of that one.
// Clients that cannot be told in their protocol version are not.
void TellInvalidation(ClientSession& client, std::string_view push, bool is_redirected);

}  // namespace slotway::proxy
