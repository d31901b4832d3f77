// SPDX-License-Identifier: Apache-2.0
// The admin HTTP server: GET and HEAD of a few fixed paths, for probes, Prometheus and people.
//
// Belongs to its loop's thread; handlers run there and must be quick. HTTP/1.0 and 1.1 with
// keep-alive and pipelining. Everything a client can send or leave undone is bounded by Options:
// 431 for too much head, 413 for too much body, 400 for what is no HTTP, and silence is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/event_loop.h"
#include "runtime/listener.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

struct HttpRequest {
  std::string path;   // as sent, before any '?'
  std::string query;  // behind it
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  using Routes = std::map<std::string, Handler, std::less<>>;

  struct Options {
    std::size_t head_bytes_max = 8 * 1024;
    std::size_t body_bytes_max = 8 * 1024;
    std::size_t connections_max = 64;           // more are closed at once
    std::uint64_t idle_timeout_ms = 60'000;     // between requests
    std::uint64_t request_timeout_ms = 10'000;  // from a request's first byte to its last, and for
                                                // the client to take the answer
  };

  // Port 0 takes a free one: see Address().
  static Result<std::unique_ptr<HttpServer>> Start(EventLoop& loop, const SocketAddress& address,
                                                   Routes routes, const Options& options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  SocketAddress Address() const { return listener_->Address(); }
  std::size_t Connections() const { return sessions_.size(); }

 private:
  class Session;
  HttpServer(EventLoop& loop, Routes routes, const Options& options);
  void Admit(std::unique_ptr<Connection> connection);
  void CutTheSilent();
  HttpResponse Answer(const HttpRequest& request) const;

  EventLoop& loop_;
  Routes routes_;
  Options options_;
  std::unique_ptr<Listener> listener_;
  std::map<Session*, std::unique_ptr<Session>> sessions_;
  Timer sweep_;
};

}  // namespace slotway::runtime
