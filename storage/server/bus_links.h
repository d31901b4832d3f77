// SPDX-License-Identifier: Apache-2.0
// The links of the cluster bus: a listener, connections, and messages as bytes on them.
//
// Belongs to the engine thread and its loop. Whatever does not speak the protocol is cut off; a
// link that takes less than is sent to it is closed at a bound.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/connection.h"
#include "runtime/listener.h"
#include "runtime/result.h"
#include "runtime/tls_entrance.h"
#include "storage/cluster/bus_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class BusLinks {
 public:
  // Who is told what happens on links. A link may be closed in any of these calls.
  struct Listener {
    std::function<void(cluster::LinkId, cluster::LinkEnds)> accepted;
    std::function<void(cluster::LinkId, cluster::LinkEnds)> connected;
    std::function<void(cluster::LinkId, bool is_refused)> connect_failed;
    std::function<void(cluster::LinkId)> closed;
    std::function<void(cluster::LinkId, const cluster::BusMessage&)> received;
  };

  BusLinks(runtime::EventLoop& loop, ServerState& server, Listener told);
  ~BusLinks();
  BusLinks(const BusLinks&) = delete;
  BusLinks& operator=(const BusLinks&) = delete;

  runtime::Result<bool> ListenOn(const std::vector<std::string>& addresses, std::uint16_t port);

  // What comes of it is told later, never from within this call.
  cluster::LinkId Connect(const std::string& ip, std::uint16_t port, std::uint64_t timeout_ms);
  void Send(cluster::LinkId id, const cluster::BusMessage& message, std::size_t queued_bytes_max);
  void Close(cluster::LinkId id);

  std::size_t QueuedBytes(cluster::LinkId id) const;
  std::size_t Bytes() const;  // of all links, with what waits in them
  std::uint64_t LimitExceededCount() const { return limit_exceeded_; }

 private:
  class Link;
  class Visitor;
  void Greet(std::unique_ptr<runtime::Connection> connection);
  void Accept(std::unique_ptr<runtime::Connection> connection);
  // Takes the link out; its memory stays until the present callback is over.
  std::unique_ptr<Link> TakeOut(cluster::LinkId id);
  void Bury(std::unique_ptr<Link> link);
  void Lost(cluster::LinkId id, std::string_view reason);

  runtime::EventLoop& loop_;
  ServerState& server_;
  Listener told_;
  runtime::TlsEntrance entrance_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  std::map<cluster::LinkId, std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>> buried_;
  // shared: with deferred tasks, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
  std::uint64_t next_id_ = 1;
  std::uint64_t limit_exceeded_ = 0;
};

}  // namespace slotway::storage
