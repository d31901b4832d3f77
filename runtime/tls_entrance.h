// SPDX-License-Identifier: Apache-2.0
// Accepted connections whose TLS handshake is under way: bounded in number and in time.
//
// Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "runtime/connection.h"
#include "runtime/tls_context.h"

namespace slotway::runtime {

class TlsEntrance {
 public:
  // What a connection has with it until it is in. Told one of the two, once, and destroyed.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    // The connection is paused: Start() goes on.
    virtual void OnSecured(std::unique_ptr<Connection> connection) = 0;
    // The connection is closed. Why, for the log.
    virtual void OnTurnedAway(std::string_view reason) = 0;
  };

  TlsEntrance(EventLoop& loop, std::size_t handshakes_max);
  ~TlsEntrance();

  // REQUIRES: `context` lives as long as the visitor.
  void Admit(std::unique_ptr<Connection> connection, const TlsContext& context,
             std::uint64_t timeout_ms, std::unique_ptr<Visitor> visitor);
  void SetHandshakesMax(std::size_t handshakes_max) { handshakes_max_ = handshakes_max; }
  std::size_t HandshakesNow() const { return waiting_.size(); }
  // Turns everybody away.
  void CloseAll();

 private:
  class Waiting;
  void Pass(std::uint64_t id);
  void TurnAway(std::uint64_t id, std::string_view reason);
  void CloseOverdue();

  EventLoop& loop_;
  std::size_t handshakes_max_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Waiting>> waiting_;
  std::uint64_t next_id_ = 0;
  Timer overdue_;
};

}  // namespace slotway::runtime
