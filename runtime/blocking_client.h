// SPDX-License-Identifier: Apache-2.0
// A TCP connection, plain or with TLS, that waits: for the rare work that must not go on before it is through.
//
// Stops the thread that uses it; every call has a time limit. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "runtime/result.h"
#include "runtime/tls_stream.h"

namespace slotway::runtime {

class BlockingClient {
 public:
  // `timeout_ms` bounds each call: connecting, sending everything, waiting for some bytes. `host`
  // is an address or a name; looking a name up may take as long as the system's resolver allows.
  // With `tls` its handshake is part of connecting.
  static Result<BlockingClient> Connect(const std::string& host, std::uint16_t port,
                                        std::uint64_t timeout_ms,
                                        std::unique_ptr<TlsStream> tls = nullptr);
  ~BlockingClient();
  BlockingClient(BlockingClient&& other) noexcept;
  BlockingClient& operator=(BlockingClient&&) = delete;

  // From the next call on.
  void SetTimeout(std::uint64_t timeout_ms) { timeout_ = std::chrono::milliseconds(timeout_ms); }
  // Of the other end, in digits; empty if it is gone.
  std::string PeerAddress() const;
  // False on error or when the time is up.
  bool Send(std::string_view bytes);
  // Appends what arrives next to `out`. False on error, end of stream, or when the time is up.
  bool ReceiveSome(std::string& out);

 private:
  using Clock = std::chrono::steady_clock;
  BlockingClient(int descriptor, std::uint64_t timeout_ms)
      : descriptor_(descriptor), timeout_(timeout_ms) {}
  static Result<BlockingClient> ConnectTo(const sockaddr* address, socklen_t size,
                                          std::uint64_t timeout_ms);
  bool WaitFor(short events, Clock::time_point deadline) const;
  Result<void> Handshake(std::unique_ptr<TlsStream> tls);
  bool SendRaw(std::string_view bytes);
  // 0: error, end of stream, or the time is up.
  std::size_t ReceiveRaw(std::span<char> buffer);
  // One read's worth of records. False as above, or when TLS has ended.
  bool OpenSome(std::string& out);

  int descriptor_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<TlsStream> tls_;  // nullptr: plain
};

}  // namespace slotway::runtime
