// SPDX-License-Identifier: Apache-2.0
// One client of a shard: bytes in, requests in batches, replies out.
//
// Everything that arrived is parsed before the first request of it runs, and the records of the
// whole batch are fetched into the cache together. Replies leave once per loop iteration. Belongs
// to the engine thread; the server destroys it after OnClosed().
#pragma once

#include <memory>
#include <string_view>

#include "protocol/resp_request_parser.h"
#include "runtime/connection.h"
#include "storage/commands/client_state.h"
#include "storage/server/request_batch.h"

namespace slotway::storage {

class ShardServer;

class ShardSession final : public runtime::Connection::Handler {
 public:
  ShardSession(ShardServer& server, std::unique_ptr<runtime::Connection> connection);
  ~ShardSession() override;

  void Start() { connection_->Start(*this); }
  // A request that waited has been answered: the next ones may run.
  void GoOn();
  ClientState& Client() { return client_; }
  runtime::Connection& Connection() { return *connection_; }

  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override;
  void OnClosed(std::string_view reason) override;

 private:
  // Fills the batch from the front of `input`; false when the stream cannot be followed further.
  bool ParseBatch(std::string_view input, RequestBatch& batch);
  // Returns how many bytes of input the executed requests took.
  std::size_t ExecuteBatch(RequestBatch& batch);
  void RestartParser();
  void FailProtocol();

  ShardServer& server_;
  std::unique_ptr<runtime::Connection> connection_;
  ClientState client_;
  protocol::RespRequestParser parser_;
  bool has_small_limits_ = false;
};

}  // namespace slotway::storage
