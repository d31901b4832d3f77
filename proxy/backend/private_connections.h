// SPDX-License-Identifier: Apache-2.0
// Connections that belong to one client for a while: for what blocks, watches or is remembered by
// the shard for its connection.
//
// A connection that was given back clean is kept for the next who wants one to the same node and
// lane. Requests on them are raw: their takers see every error and every loss. Bounded in number.
// Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/backend/backend_connection.h"
#include "proxy/backend/control_query.h"

namespace slotway::proxy {

class PrivateConnections final : private BackendConnection::Events {
 public:
  // Who has a connection.
  class Holder {
   public:
    virtual ~Holder() = default;
    // It broke; what was in flight has been reported lost. It is nobody's any more.
    virtual void OnPrivateDown(BackendConnection& connection, std::string_view reason) = 0;
    // Logged in: BackendConnection::RemoteId() is known.
    virtual void OnPrivateReady(BackendConnection& /*connection*/) {}
    virtual void OnPrivatePush(BackendConnection& /*connection*/, std::string_view /*push*/) {}
  };

  PrivateConnections(runtime::EventLoop& loop, BackendGreeting greeting, std::size_t max);
  ~PrivateConnections() override;

  // A connection that may be sent to at once: what is sent waits for its login: nullptr if
  // there are too many.
  BackendConnection* Take(const runtime::SocketAddress& address, Lane lane, Holder& holder);
  // For those that are opened from now on.
  void SetLogin(BackendLogin login) { greeting_.login = std::move(login); }
  void SetMax(std::size_t max) { max_ = max; }
  // For the next one. REQUIRES: nothing is in flight that anybody waits for, and behind it the
  // shard remembers nothing of it. It may have gone down.
  void GiveBack(BackendConnection& connection);
  // The same, but nobody gets it again. Unlike End(), it may be called while a reply is handled.
  void Retire(BackendConnection& connection);
  // Ends it; its holder is not told. What is in flight is reported lost.
  void End(BackendConnection& connection);

  // Ends all connections to a node that left or failed.
  void DropNode(const runtime::SocketAddress& address, std::string_view reason);
  // Ends what has been idle since the last call but one. Call it once in a while.
  void SweepIdle();
  void Shutdown();

  // Asks a node for a number on one more connection; nothing is told if the answer is none. False
  // if too many are asked already: a bound of its own, as what all connections are leased to is
  // ended this way. `on_answer` is not called then, nor when all is shut down.
  bool Ask(const runtime::SocketAddress& address, std::vector<std::string> args,
           std::uint64_t timeout_ms, std::function<void(std::optional<std::int64_t>)> on_answer);

  std::size_t Leased() const { return entries_.size() - idle_.size(); }
  std::size_t Size() const { return entries_.size(); }

 private:
  struct Entry {
    std::unique_ptr<BackendConnection> connection;
    Holder* holder = nullptr;  // nullptr: idle
    int sweeps = 0;            // while idle
  };

  void OnReady(BackendConnection& connection) override;
  bool OnErrorReply(BackendConnection&, InFlight&, std::string_view) override { return false; }
  void OnLost(InFlight& request, std::string bytes, bool may_have_run) override;
  void OnDown(BackendConnection& connection, std::string_view reason) override;
  void OnPush(BackendConnection& connection, std::string_view push) override;

  // Forgets the connection and returns who held it; destroys it later.
  Holder* Remove(BackendConnection& connection);

  runtime::EventLoop& loop_;
  BackendGreeting greeting_;
  std::size_t max_;
  std::unordered_map<const BackendConnection*, Entry> entries_;
  std::list<std::unique_ptr<ControlQuery>> queries_;
  std::vector<BackendConnection*> idle_;  // the one that has been idle longest first
};

}  // namespace slotway::proxy
