// SPDX-License-Identifier: Apache-2.0
// The end of a server that is asked to go, by a signal or SHUTDOWN, within shutdown-timeout:
//
//   awaits        a script that runs for long and has written: half of it is not to be saved
//   awaits heir   a replica that is attached came back a moment ago: the bus has not heard of it yet
//   hands over    a master of a cluster asks a replica to take over, which no write is lost by
//   redirects     for a moment: clients hear where to go
//   waits         a master of replicas that did not take over: writes stand still until they have
//                 everything
//   ends          saves, if it is to, and stops
// With NOW it ends at once. What cannot be saved lets it go on, unless by FORCE. Engine thread
// only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "storage/commands/server_state.h"
#include "storage/commands/shutdown_host.h"

namespace slotway::storage {

class Shutdown final : public ShutdownHost {
 public:
  struct Hooks {
    // A replica is asked to take over within this time. False if there is none.
    std::function<bool(std::int64_t for_ms)> hand_over;
    // There is one that could be asked in a moment.
    std::function<bool()> expects_heir;
    std::function<bool()> is_handing_over;
    // The script that runs ends if it has changed nothing yet.
    std::function<void()> end_reading_script;
  };

  Shutdown(ServerState& server, Hooks hooks) : server_(server), hooks_(std::move(hooks)) {}

  std::optional<std::string> Begin(const ShutdownRequest& request) override;
  bool Abort() override;
  bool IsOn() const { return stage_ != Stage::kNone && !HasEnded(); }
  // Only the loop is still to stop: no request is run any more.
  bool HasEnded() const { return stage_ == Stage::kEnded; }
  // To be called ten times a second, when replicas have acknowledged more, and after changes of the
  // cluster.
  void Look();

 private:
  enum class Stage : std::uint8_t {
    kNone,
    kAwaitingScript,
    kAwaitingHeir,
    kHandingOver,
    kRedirecting,
    kWaiting,
    kEnded
  };

  bool HandOver();
  void LookForHeir();
  void LookAtClients();
  std::optional<std::string> AwaitReplicas();
  bool HaveReplicasAll() const;
  std::optional<std::string> Finish();
  // It goes on as if nobody had asked.
  void LogReplicas() const;
  void Cancel();
  void PauseWrites();
  void EndPause();
  std::uint64_t Redirects() const;

  ServerState& server_;
  Hooks hooks_;
  Stage stage_ = Stage::kNone;
  ShutdownRequest request_;
  std::int64_t deadline_ms_ = 0;
  std::int64_t heir_until_ms_ = 0;
  std::int64_t offset_ = 0;  // that replicas are to have
  // Of the pause that was on before.
  std::int64_t paused_until_ms_ = 0;
  bool paused_writes_only_ = false;
  bool has_paused_ = false;
  std::int64_t redirects_since_ms_ = 0;
  std::int64_t redirected_ms_ = 0;  // the last time
  std::uint64_t redirects_ = 0;
};

}  // namespace slotway::storage
