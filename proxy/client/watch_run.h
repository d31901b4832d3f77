// SPDX-License-Identifier: Apache-2.0
// WATCH: tells the keys to their shard, on a connection of the client's own.
//
// While it runs no further request of its client is taken. Made with `new`; ends itself. Belongs to
// its worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/client/watch.h"
#include "proxy/reply/reply_taker.h"

namespace slotway::proxy {

class ClientSession;

class WatchRun final : public ReplyTaker {
 public:
  // Opens the client's next place. `bytes` is the WATCH on the wire. REQUIRES: nothing of the
  // client is outstanding; what it watches already is in `slot`, too.
  static void Start(ClientSession& session, protocol::Slot slot, std::string bytes);

 private:
  WatchRun(ClientSession& session, protocol::Slot slot, std::string bytes);
  ~WatchRun() override;

  void OnReply(std::size_t part, std::string_view reply) override;
  void OnLost(std::size_t part, bool may_have_run) override;
  void OnShardReady(std::size_t) override { Send(); }

  void Send();
  void Refused(std::string_view reply);
  void Wait(std::string_view error);
  void FinishWatching();
  void Finish(std::string_view reply);
  void FinishWithError(std::string_view text);

  ClientSession& session_;
  WorkerServices& services_;
  protocol::Slot slot_;
  Lane lane_;
  std::string bytes_;
  std::unique_ptr<Watch> watch_;
  bool had_watch_;  // its keys cannot be taken along to another connection
  std::uint32_t waiting_since_ms_ = 0;
  std::uint8_t tries_ = 0;
};

}  // namespace slotway::proxy
