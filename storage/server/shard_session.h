// SPDX-License-Identifier: Apache-2.0
// One client of a shard: bytes in, requests in batches, replies out.
//
// Everything that arrived is parsed before the first request of it runs, and the records of the
// whole batch are fetched into the cache together. Replies leave once per loop iteration. Belongs
// to the engine thread; the server destroys it after OnClosed().
#pragma once

#include <cstdint>
#include <limits>
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
  // Some of the replies that were held have left: it may be read again.
  void HasRoom();
  // Its script runs for too long: it is read no more until that has ended.
  void StandStill();
  ClientState& Client() { return client_; }
  runtime::Connection& Connection() { return *connection_; }

  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override;
  void OnDrained() override;
  void OnClosed(std::string_view reason) override;
  bool IsFlushWanted() override;

 private:
  // Fills the batch from the front of `input`; false when the stream cannot be followed further.
  bool ParseBatch(std::string_view input, RequestBatch& batch);
  // Returns how many bytes of input the executed requests took.
  std::size_t ExecuteBatch(RequestBatch& batch);
  void RestartParser();
  void FailProtocol();
  bool IsShardInformed();

  ShardServer& server_;
  std::unique_ptr<runtime::Connection> connection_;
  ClientState client_;
  protocol::RespRequestParser parser_;
  // The output confirms writes, and is worth nothing from then on: see IsFlushWanted().
  std::int64_t confirms_until_ms_ = std::numeric_limits<std::int64_t>::max();
  bool has_small_limits_ = false;
  bool stands_still_ = false;
};

}  // namespace slotway::storage
