// SPDX-License-Identifier: Apache-2.0
// Connections that belong to one client for a while: for what blocks, watches or is remembered by
// the shard for its connection.
//
// A connection that was given back clean is kept for the next who wants one to the same node and
// lane. Requests on them are raw: their takers see every error and every loss. Bounded in number.
// When many are wanted at once, few at a time are opened to each node, first come first served, so
// that neither this worker's other clients nor the node's are kept waiting. Belongs to its worker's
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/backend/backend_connection.h"
#include "proxy/backend/control_query.h"

namespace slotway::proxy {

// Whom a connection becomes after its own login, by requests that have to succeed. Guises of one
// name are the same.
struct Guise {
  std::string name = {};
  std::vector<std::vector<std::string>> requests = {};
};

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

  // How many are being opened to one node at the same time.
  static constexpr std::size_t kOpeningMax = 32;

  PrivateConnections(runtime::EventLoop& loop, BackendGreeting greeting, std::size_t max);
  ~PrivateConnections() override;

  // A connection that may be sent to at once: what is sent waits for its turn to be opened, and
  // follows its login; but what is for a guise has to wait for OnPrivateReady(), unless it
  // WasReady(). nullptr if there are too many.
  BackendConnection* Take(const runtime::SocketAddress& address, Lane lane, Holder& holder,
                          const Guise& guise = {});
  // For those that are opened from now on.
  void SetLogin(BackendLogin login) { greeting_.login = std::move(login); }
  void SetMax(std::size_t max) { max_ = max; }
  // For the next one. REQUIRES: nothing is in flight that anybody waits for, and behind it the
  // shard remembers nothing of it. It may have gone down.
  void GiveBack(BackendConnection& connection);
  // The same, but nobody gets it again. Unlike End(), it may be called while a reply is handled.
  void Retire(BackendConnection& connection);
  // For a holder that has learned from OnLost() that it broke: he is told no more.
  void Disown(BackendConnection& connection);
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

  std::size_t Leased() const { return entries_.size() - idle_count_; }
  std::size_t Size() const { return entries_.size(); }

 private:
  using List = std::list<BackendConnection*>;
  using Kind = std::pair<int, std::string>;  // lane, guise
  struct Node {
    runtime::SocketAddress address;
    std::size_t connections = 0;
    std::size_t opening = 0;
    List waiting;              // to be opened
    std::map<Kind, List> idle;  // the one that has been idle longest first
  };
  enum class Stage : std::uint8_t { kWaiting, kOpening, kOpen };
  struct Entry {
    std::unique_ptr<BackendConnection> connection;
    Node* node = nullptr;
    std::string guise;
    Holder* holder = nullptr;      // nullptr: idle, or about to end
    List::iterator waiting_place;  // in node->waiting; at Stage::kWaiting
    List::iterator idle_place;     // in node->idle; while is_idle
    std::uint64_t idle_since = 0;  // counts those that became idle before
    int sweeps = 0;                // while idle
    Stage stage = Stage::kWaiting;
    bool is_idle = false;
  };

  void OnReady(BackendConnection& connection) override;
  bool OnErrorReply(BackendConnection&, InFlight&, std::string_view) override { return false; }
  void OnLost(InFlight& request, std::string bytes, bool may_have_run) override;
  void OnDown(BackendConnection& connection, std::string_view reason) override;
  void OnPush(BackendConnection& connection, std::string_view push) override;

  BackendConnection* TakeIdle(const runtime::SocketAddress& address, const Kind& kind);
  static Kind KindOf(const Entry& entry) {
    return {static_cast<int>(entry.connection->OwnLane().Index()), entry.guise};
  }
  Node* FindNode(const runtime::SocketAddress& address) const;
  Node& FindOrAddNode(const runtime::SocketAddress& address);
  void OpenSome(Node& node);
  void OpenSomeLater();
  void LeaveIdle(Entry& entry);
  BackendConnection* LongestIdle() const;
  void EndStale();
  // Forgets the connection and returns who held it; destroys it later.
  Holder* Remove(BackendConnection& connection);

  runtime::EventLoop& loop_;
  BackendGreeting greeting_;
  std::size_t max_;
  std::unordered_map<const BackendConnection*, Entry> entries_;
  std::vector<std::unique_ptr<Node>> nodes_;  // that have connections
  std::list<std::unique_ptr<ControlQuery>> queries_;
  std::size_t idle_count_ = 0;
  std::uint64_t idle_ever_ = 0;
  bool is_opening_later_ = false;
  // shared: lets a deferred call see whether these connections still exist.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace slotway::proxy
