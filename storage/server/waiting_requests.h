// SPDX-License-Identifier: Apache-2.0
// Runs requests again that wait for a key, and ends those that wait no longer.
//
// Who waits for what is in ServerState::waiters. Changes of keys mark them there; ServeReady() must
// be called after each command or transaction, so that nothing is served in the middle of one. It
// serves key after key in the order of the changes, and the clients of a key in the order in which
// they came. What a request that is run again changes is served, too. Engine thread only.
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "runtime/byte_queue.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class WaitingRequests {
 public:
  WaitingRequests(ServerState& server, const HandlerTable& handlers)
      : server_(server), handlers_(handlers) {}

  // Called for each client that was answered and may go on.
  void OnAnswered(std::function<void(ClientState&)> callback) { answered_ = std::move(callback); }

  void ServeReady();
  // Answers those whose time is up by ServerState::now_ms.
  void EndDue();
  // To be called when replicas have acknowledged more.
  void ServeAcknowledged();
  // Answers as if time was up, or with an error if there is one.
  void End(ClientState& client, std::string_view error);

 private:
  void ServeKey(const KeyWaiters::Key& key);
  // Whether running this request again may come to something.
  bool IsWorthwhile(const WaitingRequest& request, const KeyWaiters::Key& key);
  void RunAgain(ClientState& client);
  // Whether its user may not run it any more: then that is answered.
  bool IsRefusedNow(CommandContext& ctx);
  // Runs it once more, for what it answers when it may not wait.
  void AnswerWithoutWaiting(ClientState& client, const WaitingRequest& request);
  void Answered(ClientState& client);
  // Where replies to a client go.
  runtime::ByteQueue& OutputOf(ClientState& client);

  ServerState& server_;
  const HandlerTable& handlers_;
  std::function<void(ClientState&)> answered_;
  runtime::ByteQueue discarded_;
  std::vector<protocol::KeyPosition> keys_;
  bool is_serving_ = false;
};

}  // namespace slotway::storage
