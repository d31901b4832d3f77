// SPDX-License-Identifier: Apache-2.0
// Where clients of a shard come in: TCP, TLS and a Unix socket, as the settings say, also while they
// change. Belongs to the engine thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/file_marks.h"
#include "runtime/listener.h"
#include "runtime/result.h"
#include "runtime/tls_entrance.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class ShardListeners {
 public:
  // The connection speaks plain, or its handshake is over: Start() it.
  using OnClient = std::function<void(std::unique_ptr<runtime::Connection>)>;

  ShardListeners(runtime::EventLoop& loop, ServerState& state, OnClient on_client);

  // Reads what TLS needs and listens everywhere.
  runtime::Result<bool> Open();
  // To be called when settings have changed: `bind`, `port` and `tls-port`, or what TLS is made of.
  // The reason if that is not possible; nobody listens there then until the settings are as they
  // were.
  void ConnectSettings();
  // Once a second: files of TLS that have changed are read again.
  void LookAtFiles();

 private:
  class Visitor;
  // Those of one port.
  struct Door {
    std::vector<std::unique_ptr<runtime::Listener>> listeners;
    std::vector<std::string> bind;
    std::int64_t port = 0;  // as in the settings
    bool is_tls = false;
  };
  runtime::Result<bool> OpenDoor(Door& door);
  runtime::Result<bool> ListenOn(Door& door, const std::string& bind_address);
  runtime::Result<bool> ListenOnUnixSocket();
  std::optional<std::string> Move(Door& door, std::string_view error);
  std::int64_t WantedPort(const Door& door) const;
  bool IsWanted(const Door& door) const;
  std::optional<std::string> ApplyTls();
  void AcceptTls(std::unique_ptr<runtime::Connection> connection);

  runtime::EventLoop& loop_;
  ServerState& state_;
  OnClient on_client_;
  Door plain_;
  Door tls_;
  std::unique_ptr<runtime::Listener> unix_listener_;
  runtime::TlsEntrance entrance_;
  runtime::FileMarks tls_files_;
};

}  // namespace slotway::storage
