// SPDX-License-Identifier: Apache-2.0
// What a connection has at libuv, and how it sends. Private to the connection's own files.
#pragma once

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <uv.h>

#include "runtime/connection.h"
#include "runtime/tls_stream.h"

namespace slotway::runtime {

inline constexpr std::size_t kWaitingPieces = 4;

// How many bytes the socket takes now, or an error of libuv. For a stream that libuv has nothing to
// write to: send() does less in the kernel than the write() that libuv calls.
inline ssize_t SendNow(int socket, std::span<iovec> pieces) {
  ssize_t sent = 0;
  do {
    if (pieces.size() == 1) {
      sent = send(socket, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  return errno == EWOULDBLOCK || errno == ENOBUFS ? UV_EAGAIN : uv_translate_sys_error(errno);
}

struct Connection::Socket {
  union {
    uv_tcp_t tcp;
    uv_pipe_t pipe;  // a Unix socket
  };
  uv_connect_t connect;
  uv_write_t write;
  std::array<uv_buf_t, kWaitingPieces> write_pieces;
  std::size_t write_bytes = 0;
  Connection* owner = nullptr;
  std::size_t dropped_bytes = 0;      // of who is seen off
  std::unique_ptr<Timer> timer;       // while it connects, or is seen off
  bool is_resume_deferred = false;    // a deferred call refers to the socket
  bool is_reading_postponed = false;  // the loop refers to the socket
  bool is_handle_closed = false;
  bool is_unix = false;

  bool IsReferredTo() const { return is_resume_deferred || is_reading_postponed; }

  uv_stream_t* Stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  uv_handle_t* Handle() { return reinterpret_cast<uv_handle_t*>(&tcp); }
};

struct Connection::Security {
  std::unique_ptr<TlsStream> stream;
  std::string early;             // sealed input that came before Secure()
  std::string waiting;           // sealed output that libuv is writing
  std::size_t waiting_plain = 0;  // how much of the output is in it
  std::string next;              // what the handshake or an alert has to say behind it
  bool is_end_told = false;

  void TellEnd(Connection& owner);
};

}  // namespace slotway::runtime
