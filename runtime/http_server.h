// SPDX-License-Identifier: Apache-2.0
// The admin HTTP server: GET, HEAD and POST of a few fixed paths, for probes, Prometheus and people.
//
// Belongs to its loop's thread; handlers run there and must be quick, but may answer later. HTTP/1.0
// and 1.1 with keep-alive and pipelining. Everything a client can send or leave undone is bounded by
// Options: 431 for too much head, 413 for too much body, 400 for what is no HTTP, and silence is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/listener.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string path;   // as sent, before any '?'
  std::string query;  // behind it
  SocketAddress peer;
  bool is_post = false;
  std::string body;
  HttpHeaders headers;

  // The value of the first header of that name, which is in lower case; empty if there is none.
  std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  HttpHeaders headers = {};  // more of them
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // To be called once, on the loop's thread. Nothing happens if the client, or the server, has gone.
  using Answer = std::function<void(HttpResponse)>;
  using LaterHandler = std::function<void(const HttpRequest&, Answer)>;

  // What stands behind a path. Nothing else of the client is read before it is answered.
  struct Route {
    LaterHandler handler;
    bool takes_post = false;  // instead of GET and HEAD

    Route() = default;
    template <class Function>
      requires std::is_invocable_r_v<HttpResponse, Function&, const HttpRequest&>
    Route(Function answer_now, bool is_post = false)  // so that a handler is a route
        : handler([answer_now = std::move(answer_now)](const HttpRequest& request,
                                                       const Answer& answer) {
            answer(answer_now(request));
          }),
          takes_post(is_post) {}
    static Route Later(LaterHandler handler, bool is_post = false) {
      Route route;
      route.handler = std::move(handler);
      route.takes_post = is_post;
      return route;
    }
  };
  using Routes = std::map<std::string, Route, std::less<>>;

  struct Options {
    std::size_t head_bytes_max = 8 * 1024;
    std::size_t body_bytes_max = 8 * 1024;
    std::size_t connections_max = 64;           // more are closed at once
    std::uint64_t idle_timeout_ms = 60'000;     // between requests
    std::uint64_t request_timeout_ms = 10'000;  // from a request's first byte to its last, for the
                                                // handler, and for the client to take the answer
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
  const Route* FindRoute(std::string_view path) const;
  Answer AnswerTo(const Session& session);

  EventLoop& loop_;
  Routes routes_;
  Options options_;
  std::unique_ptr<Listener> listener_;
  std::map<Session*, std::unique_ptr<Session>> sessions_;
  std::uint64_t next_session_id_ = 1;
  // shared: with answers that are still to come; it ends with the server.
  std::shared_ptr<HttpServer*> self_;
  Timer sweep_;
};

}  // namespace slotway::runtime
