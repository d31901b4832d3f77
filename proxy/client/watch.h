// SPDX-License-Identifier: Apache-2.0
// The keys a client watches: a connection of its own to the shard that has them.
//
// The shard remembers the keys for the connection; EXEC goes on it. When the connection is lost, or
// the keys have left the shard, the watch is broken: whatever was watched counts as touched. The
// destructor makes the shard forget and gives the connection back. Belongs to its worker's thread.
#pragma once

#include <string_view>

#include "protocol/slot.h"
#include "proxy/backend/private_connections.h"
#include "proxy/client/worker_services.h"
#include "proxy/reply/lane.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class Watch final : private PrivateConnections::Holder {
 public:
  Watch(WorkerServices& services, protocol::Slot slot, Lane lane)
      : services_(services), slot_(slot), lane_(lane), now_(lane), patience_(services.loop) {}
  ~Watch() override;

  // Opens the connection. False if there are too many already. Once.
  bool Open(const runtime::SocketAddress& node);

  protocol::Slot KeySlot() const { return slot_; }
  // From here on the connection has this protocol version and database. REQUIRES: open.
  void SwitchTo(Lane lane);
  bool IsBroken() const { return is_broken_; }
  void Break() { is_broken_ = true; }
  // REQUIRES: open and not broken by the connection's loss.
  BackendConnection& Connection() { return *connection_; }
  bool IsOpen() const { return connection_ != nullptr; }

  // Between these the shard owes an answer: without one in time it is taken for lost.
  void ExpectAnswer();
  void NoteAnswer() { patience_.Stop(); }
  // EXEC has been answered: the shard watches nothing any more.
  void NoteForgotten() { is_forgotten_ = true; }

 private:
  void OnPrivateDown(BackendConnection& connection, std::string_view reason) override;

  WorkerServices& services_;
  protocol::Slot slot_;
  Lane lane_;  // as it was taken, and has to be given back
  Lane now_;
  runtime::Timer patience_;
  BackendConnection* connection_ = nullptr;
  bool is_broken_ = false;
  bool is_forgotten_ = false;
};

}  // namespace slotway::proxy
