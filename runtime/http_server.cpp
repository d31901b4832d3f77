// SPDX-License-Identifier: Apache-2.0
#include "runtime/http_server.h"

#include <algorithm>
#include <fmt/core.h>
#include <llhttp.h>
#include <utility>

namespace slotway::runtime {
namespace {

// Answers of pipelined requests that may wait before no more requests are read.
constexpr std::size_t kOutputPauseBytes = 256 * 1024;

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

HttpResponse PlainAnswer(int status) {
  return {status, "text/plain; charset=utf-8", fmt::format("{} {}\n", status, Reason(status))};
}

// Of a route that takes the other methods.
HttpResponse WrongMethod(bool takes_post) {
  HttpResponse response = PlainAnswer(405);
  response.headers = {{"Allow", takes_post ? "POST" : "GET, HEAD"}};
  return response;
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return {};
}

class HttpServer::Session final : public Connection::Handler {
 public:
  Session(HttpServer& server, std::uint64_t id, std::unique_ptr<Connection> connection)
      : server_(server), id_(id), connection_(std::move(connection)) {
    llhttp_init(&parser_, HTTP_REQUEST, &Settings());
    parser_.data = this;
    Await(server_.options_.idle_timeout_ms);
    connection_->Start(*this);
  }

  std::size_t OnBytes(std::string_view input) override {
    if (is_refused_) return input.size();
    if (input.empty() || awaits_answer_) return 0;
    if (!is_in_request_) BeginRequest();
    llhttp_errno_t error = llhttp_execute(&parser_, input.data(), input.size());
    connection_->MarkForFlush();
    if (error == HPE_OK) return input.size();
    if (error == HPE_PAUSED && !is_refused_) {
      // A request ended and its answer is still to come, or makes the output too long to read on.
      std::size_t taken = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - input.data());
      llhttp_resume(&parser_);
      connection_->PauseReading();
      return taken;
    }
    if (is_refused_) return input.size();  // bytes behind a last request
    Refuse(refused_status_ != 0 ? refused_status_ : 400);
    return input.size();
  }

  void OnEndOfInput() override {
    // What is still being written leaves first; half a request does not count.
    is_refused_ = true;
    if (!awaits_answer_) connection_->CloseAfterFlush();
  }

  void OnClosed(std::string_view) override { server_.sessions_.erase(this); }

  void OnDrained() override {
    if (awaits_answer_) return;
    if (!is_in_request_ && !is_refused_) Await(server_.options_.idle_timeout_ms);
    if (connection_->IsPaused()) connection_->ResumeReading();
  }

  bool IsOverdue(std::uint64_t now_ms) const { return now_ms >= deadline_ms_; }
  std::uint64_t Id() const { return id_; }

  // To the request that waits for it.
  void TakeAnswer(const HttpResponse& response) {
    if (!std::exchange(awaits_answer_, false)) return;
    Write(response, is_head_, keeps_alive_ && !is_refused_);
    if (!keeps_alive_ || is_refused_) {
      is_refused_ = true;
      Await(server_.options_.request_timeout_ms);
      return connection_->CloseAfterFlush();
    }
    Await(connection_->UnwrittenBytes() > 0 ? server_.options_.request_timeout_ms
                                            : server_.options_.idle_timeout_ms);
    const bool is_full = connection_->UnwrittenBytes() > kOutputPauseBytes;
    if (connection_->IsPaused() && !is_full) connection_->ResumeReading();
  }

 private:
  static int CountHead(llhttp_t* parser, std::size_t bytes) {
    auto& session = *static_cast<Session*>(parser->data);
    session.head_bytes_ += bytes;
    if (session.head_bytes_ <= session.server_.options_.head_bytes_max) return HPE_OK;
    session.refused_status_ = 431;
    return HPE_USER;
  }

  static const llhttp_settings_t& Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_message_begin = [](llhttp_t* parser) {
        static_cast<Session*>(parser->data)->BeginRequest();
        return 0;
      };
      made.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        int counted = CountHead(parser, size);
        if (counted == HPE_OK) static_cast<Session*>(parser->data)->url_.append(at, size);
        return counted;
      };
      made.on_method = [](llhttp_t* parser, const char*, std::size_t size) {
        return CountHead(parser, size);
      };
      // Two bytes for what is between the parts.
      made.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
        int counted = CountHead(parser, size + 2);
        if (counted == HPE_OK) static_cast<Session*>(parser->data)->TakeFieldName({at, size});
        return counted;
      };
      made.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
        int counted = CountHead(parser, size + 2);
        if (counted == HPE_OK) static_cast<Session*>(parser->data)->TakeFieldValue({at, size});
        return counted;
      };
      made.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
        auto& session = *static_cast<Session*>(parser->data);
        session.request_.body.append(at, size);
        if (session.request_.body.size() <= session.server_.options_.body_bytes_max) return 0;
        session.refused_status_ = 413;
        return static_cast<int>(HPE_USER);
      };
      made.on_message_complete = [](llhttp_t* parser) {
        return static_cast<Session*>(parser->data)->CompleteRequest();
      };
      return made;
    }();
    return settings;
  }

  void Await(std::uint64_t time_ms) { deadline_ms_ = server_.loop_.NowMs() + time_ms; }

  void BeginRequest() {
    if (!is_in_request_) Await(server_.options_.request_timeout_ms);
    is_in_request_ = true;
    head_bytes_ = 0;
    request_ = {};
    is_in_field_name_ = false;
    url_.clear();
  }

  // Names and values come in pieces.
  void TakeFieldName(std::string_view piece) {
    if (!std::exchange(is_in_field_name_, true)) request_.headers.emplace_back();
    std::string& name = request_.headers.back().first;
    for (char c : piece) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  }
  void TakeFieldValue(std::string_view piece) {
    is_in_field_name_ = false;
    if (!request_.headers.empty()) request_.headers.back().second += piece;
  }

  int CompleteRequest() {
    is_in_request_ = false;
    auto method = static_cast<llhttp_method_t>(llhttp_get_method(&parser_));
    // Whoever asks for another protocol is answered in this one, and that was it.
    keeps_alive_ = llhttp_should_keep_alive(&parser_) != 0 && parser_.upgrade == 0;
    is_head_ = method == HTTP_HEAD;
    awaits_answer_ = true;
    std::size_t mark = url_.find('?');
    request_.path = url_.substr(0, mark);
    if (mark != std::string::npos) request_.query = url_.substr(mark + 1);
    request_.peer = connection_->PeerAddress();
    request_.is_post = method == HTTP_POST;
    const Route* route = server_.FindRoute(request_.path);
    if (!request_.is_post && method != HTTP_GET && method != HTTP_HEAD) {
      TakeAnswer(WrongMethod(route != nullptr && route->takes_post));
    } else if (route == nullptr) {
      TakeAnswer(PlainAnswer(404));
    } else if (route->takes_post != request_.is_post) {
      TakeAnswer(WrongMethod(route->takes_post));
    } else {
      Await(server_.options_.request_timeout_ms);
      route->handler(request_, server_.AnswerTo(*this));
    }
    const bool is_full = connection_->UnwrittenBytes() > kOutputPauseBytes;
    return !is_refused_ && (awaits_answer_ || is_full) ? HPE_PAUSED : HPE_OK;
  }

  void Refuse(int status) {
    is_refused_ = true;
    Write(PlainAnswer(status), false, false);
    Await(server_.options_.request_timeout_ms);
    connection_->CloseAfterFlush();
  }

  void Write(const HttpResponse& response, bool is_head, bool keeps_alive) {
    std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n", response.status,
        Reason(response.status), response.content_type, response.body.size());
    for (const auto& [name, value] : response.headers) head += fmt::format("{}: {}\r\n", name, value);
    if (!keeps_alive) head += "Connection: close\r\n";
    if (keeps_alive && parser_.http_minor == 0) head += "Connection: keep-alive\r\n";
    head += "\r\n";
    connection_->Output().Append(head);
    if (!is_head) connection_->Output().Append(response.body);
    connection_->MarkForFlush();
  }

  HttpServer& server_;
  std::uint64_t id_;
  std::unique_ptr<Connection> connection_;
  llhttp_t parser_{};
  std::string url_;
  HttpRequest request_;
  std::size_t head_bytes_ = 0;
  std::uint64_t deadline_ms_ = 0;
  int refused_status_ = 0;
  bool is_in_request_ = false;
  bool is_in_field_name_ = false;
  bool awaits_answer_ = false;
  bool is_head_ = false, keeps_alive_ = false;  // of the request that is being answered
  bool is_refused_ = false;  // the last answer is written; input no longer matters
};

HttpServer::HttpServer(EventLoop& loop, Routes routes, const Options& options)
    : loop_(loop),
      routes_(std::move(routes)),
      options_(options),
      self_(std::make_shared<HttpServer*>(this)),
      sweep_(loop) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Start(EventLoop& loop, const SocketAddress& address,
                                                      Routes routes, const Options& options) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, std::move(routes), options));
  auto* raw = server.get();
  auto listener = Listener::Listen(loop, address, {}, [raw](std::unique_ptr<Connection> accepted) {
    raw->Admit(std::move(accepted));
  });
  if (!listener) return tl::unexpected(listener.error());
  server->listener_ = *std::move(listener);
  std::uint64_t shortest = std::min(options.idle_timeout_ms, options.request_timeout_ms);
  std::uint64_t sweep_ms = std::clamp<std::uint64_t>(shortest / 4, 10, 1000);
  server->sweep_.Start(sweep_ms, sweep_ms, [raw] { raw->CutTheSilent(); });
  return server;
}

void HttpServer::Admit(std::unique_ptr<Connection> connection) {
  if (sessions_.size() >= options_.connections_max) return;
  auto session = std::make_unique<Session>(*this, next_session_id_++, std::move(connection));
  sessions_.emplace(session.get(), std::move(session));
}

void HttpServer::CutTheSilent() {
  std::uint64_t now_ms = loop_.NowMs();
  std::erase_if(sessions_, [&](const auto& entry) { return entry.first->IsOverdue(now_ms); });
}

HttpServer::Answer HttpServer::AnswerTo(const Session& session) {
  return [weak = std::weak_ptr<HttpServer*>(self_), id = session.Id()](const HttpResponse& response) {
    auto server = weak.lock();
    if (server == nullptr) return;
    for (const auto& [known, owner] : (*server)->sessions_) {
      if (known->Id() == id) return known->TakeAnswer(response);
    }
  };
}

const HttpServer::Route* HttpServer::FindRoute(std::string_view path) const {
  auto route = routes_.find(path);
  return route == routes_.end() ? nullptr : &route->second;
}

}  // namespace slotway::runtime
