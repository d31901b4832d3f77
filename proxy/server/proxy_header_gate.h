// SPDX-License-Identifier: Apache-2.0
// Connections that still owe the header of the PROXY protocol. They become clients when it has
// come, and are closed when it is malformed or late.
//
// Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "proxy/client/client_origin.h"
#include "runtime/connection.h"

namespace slotway::proxy {

class ProxyHeaderGate {
 public:
  // The connection stands behind the header and is paused: Start() goes on.
  using OnPassed = std::function<void(std::unique_ptr<runtime::Connection>, ClientOrigin)>;
  // One that was admitted is closed; is_malformed: because of what it sent.
  using OnTurnedAway = std::function<void(bool is_malformed)>;

  ProxyHeaderGate(runtime::EventLoop& loop, OnPassed on_passed, OnTurnedAway on_turned_away);
  ~ProxyHeaderGate();

  void Admit(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin);
  // Closes those that have been waiting for longer than `timeout_ms`.
  void CloseOverdue(std::uint64_t timeout_ms);
  void CloseAll();

 private:
  class Waiting;
  void Pass(std::uint64_t id);
  void TurnAway(std::uint64_t id, std::string_view reason, bool is_malformed);

  runtime::EventLoop& loop_;
  OnPassed on_passed_;
  OnTurnedAway on_turned_away_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Waiting>> waiting_;
  std::uint64_t next_id_ = 0;
};

}  // namespace slotway::proxy
