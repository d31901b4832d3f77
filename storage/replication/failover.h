// SPDX-License-Identifier: Apache-2.0
// FAILOVER: hands the part of the master to a replica that has everything, without losing a write.
//
//   none -> waiting-for-sync    writes are held back until the replica has the whole stream
//        -> failover-in-progress  this server asks it to take over, as its replica
//        -> none                the replica has agreed, or this server is the master again
// A replica that does not get there in time ends it; by force it takes over all the same. Engine
// thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/replication_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class Failover {
 public:
  struct Hooks {
    // Follows that server, and asks it to take over.
    std::function<void(const std::string& host, int port)> hand_over;
    // Is the master again, in the history as it was.
    std::function<void()> take_back;
  };

  Failover(ServerState& server, Hooks hooks) : server_(server), hooks_(std::move(hooks)) {}

  // The error if it cannot begin.
  std::optional<std::string> Begin(const FailoverRequest& request);
  std::optional<std::string> Abort();
  // To be called when replicas have acknowledged more, and ten times a second.
  void Look();
  // The replica's answer.
  void OnAgreed() { End(); }
  void OnRefused();
  bool IsHandingOver() const { return stage_ == Stage::kHandingOver; }

 private:
  enum class Stage : std::uint8_t { kNone, kWaiting, kHandingOver };

  void HandOver(const ReplicaFacts& replica);
  void End();
  void SetStage(Stage stage);

  ServerState& server_;
  Hooks hooks_;
  Stage stage_ = Stage::kNone;
  FailoverRequest request_;
  std::int64_t deadline_ms_ = 0;  // 0: none
};

}  // namespace slotway::storage
