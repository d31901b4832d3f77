// SPDX-License-Identifier: Apache-2.0
#include "runtime/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/worker_group.h"

namespace slotway::runtime {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int kPatienceMs = 10'000;

class Client {
 public:
  explicit Client(const SocketAddress& address) {
    descriptor_ = socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(descriptor_, address.Native(), address.NativeSize()), 0);
  }
  ~Client() { close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // refused early: the answer tells
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void EndInput() { shutdown(descriptor_, SHUT_WR); }

  // One more piece; empty at the end of the connection.
  std::string ReadSome() {
    pollfd waited{descriptor_, POLLIN, 0};
    if (poll(&waited, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "no answer in time";
      return "";
    }
    std::string buffer(64 * 1024, '\0');
    ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
    return buffer.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string piece = ReadSome(); !piece.empty(); piece = ReadSome()) all += piece;
    return all;
  }
  // Until `all` ends with `mark`.
  std::string ReadUntil(std::string_view mark) {
    std::string all;
    while (!all.ends_with(mark)) {
      std::string piece = ReadSome();
      if (piece.empty()) break;
      all += piece;
    }
    return all;
  }

 private:
  int descriptor_;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override { StartServer({}); }

  void StartServer(const HttpServer::Options& options) {
    StopServer();
    workers_ = std::make_unique<WorkerGroup>(1);
    workers_->Start([](std::size_t) {}, [this](std::size_t) { server_.reset(); });
    workers_->RunOn(0, [&] {
      HttpServer::Routes routes;
      routes["/ready"] = [](const HttpRequest&) { return HttpResponse{503, "text/plain", "no\n"}; };
      routes["/echo"] = [](const HttpRequest& request) {
        return HttpResponse{200, "text/plain", request.path + "?" + request.query + "\n"};
      };
      routes["/form"] = {[](const HttpRequest& request) {
                           return HttpResponse{200, "text/plain",
                                               request.body + "|" +
                                                   std::string(request.Header("x-token")) + "\n",
                                               {{"X-More", "yes"}}};
                         },
                         true};
      routes["/later"] = HttpServer::Route::Later(
          [this](const HttpRequest&, HttpServer::Answer answer) {
            later_.push_back(std::move(answer));
          });
      routes["/large"] = [](const HttpRequest&) {
        std::string page(1 << 20, 'x');
        page += '\n';
        return HttpResponse{200, "text/plain", std::move(page)};
      };
      auto started =
          HttpServer::Start(workers_->Loop(0), *SocketAddress::FromNumeric("127.0.0.1", 0),
                            std::move(routes), options);
      ASSERT_TRUE(started) << started.error().text;
      server_ = *std::move(started);
      address_ = server_->Address();
    });
  }
  void StopServer() {
    if (workers_) workers_->StopAndJoin();
    workers_.reset();
  }
  void TearDown() override { StopServer(); }

  std::string Exchange(std::string_view request) {
    Client client(address_);
    client.Send(request);
    return client.ReadToEnd();
  }

  std::unique_ptr<WorkerGroup> workers_;
  // The server's thread answers what has waited, and what comes while it does.
  void AnswerLater(std::size_t count) {
    for (std::size_t answered = 0; answered < count;) {
      workers_->RunOn(0, [&] {
        for (; !later_.empty(); ++answered) {
          later_.front()({200, "text/plain", "later " + std::to_string(answered) + "\n"});
          later_.erase(later_.begin());
        }
      });
    }
  }

  std::vector<HttpServer::Answer> later_;  // of the worker's thread, as the next
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
};

TEST_F(HttpServerTest, Get) {
  EXPECT_EQ(Exchange("GET /echo?a=1&b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
            "Connection: close\r\n\r\n/echo?a=1&b\n");
}

TEST_F(HttpServerTest, OneRequestOneAnswer) {
  struct Case {
    std::string request, status_line, part;
  } cases[] = {
      {"GET /ready HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n",
       "\r\n\r\nno\n"},
      {"GET /ready HTTP/1.0\r\n\r\n", "HTTP/1.1 503 ", "Connection: close\r\n"},
      {"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 Not Found\r\n",
       "404 Not Found\n"},
      {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 ", ""},
      {"POST /echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
       "HTTP/1.1 405 Method Not Allowed\r\n", "Allow: GET, HEAD\r\n"},
      {"GET /echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 ",
       "/echo?\n"},
      {"DELETE /echo HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 ", ""},
      {"CONNECT a:1 HTTP/1.1\r\n\r\nbytes", "HTTP/1.1 405 ", "Connection: close\r\n"},
      {"GET /echo HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nmore", "HTTP/1.1 200 ",
       "Connection: close\r\n"},
      {"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", "HTTP/1.1 400 Bad Request\r\n",
       "Connection: close\r\n"},
      {"GARBAGE\r\n\r\n", "HTTP/1.1 400 ", ""},
      {"GET /echo\r\n\r\n", "HTTP/1.1 ", ""},
      {"GET /echo HTTP/9.9\r\n\r\n", "HTTP/1.1 400 ", ""},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 ", ""},
      {std::string("GET /echo HTTP/1.1\r\nA: b\0c\r\n\r\n", 31), "HTTP/1.1 400 ", ""},
      {"GET /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 ", ""},
      {"GET /echo HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 ", ""},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large\r\n", ""},
      {"GET /echo HTTP/1.1\r\nA: " + std::string(9000, 'b') + "\r\n\r\n", "HTTP/1.1 431 ", ""},
      {"POST /echo HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + std::string(9000, 'c'),
       "HTTP/1.1 413 Payload Too Large\r\n", "Connection: close\r\n"},
  };
  for (const Case& c : cases) {
    std::string answer = Exchange(c.request);
    EXPECT_THAT(answer, StartsWith(c.status_line)) << c.request.substr(0, 100);
    EXPECT_THAT(answer, HasSubstr(c.part)) << c.request.substr(0, 100);
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "two answers: " << answer;
  }
}

TEST_F(HttpServerTest, PostHasABodyAndHeaders) {
  const std::string request =
      "POST /form HTTP/1.1\r\nX-Token: ab c\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
      "a=1&b";
  const std::string whole = Exchange(request);
  EXPECT_THAT(whole, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(whole, HasSubstr("X-More: yes\r\n"));
  EXPECT_THAT(whole, EndsWith("a=1&b|ab c\n"));
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    Client client(address_);
    client.Send(request.substr(0, cut));
    client.Send(request.substr(cut));
    EXPECT_EQ(client.ReadToEnd(), whole) << cut;
  }
  EXPECT_THAT(Exchange("GET /form HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("Allow: POST\r\n"));
}

TEST_F(HttpServerTest, AnswersThatComeLaterKeepTheirOrder) {
  Client client(address_);
  client.Send(
      "GET /later HTTP/1.1\r\n\r\nGET /echo?1 HTTP/1.1\r\n\r\nGET /later HTTP/1.1\r\n\r\n"
      "GET /echo?2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  AnswerLater(2);
  const std::string all = client.ReadToEnd();
  std::size_t at = 0;
  for (const char* part : {"later 0\n", "/echo?1\n", "later 1\n", "/echo?2\n"}) {
    at = all.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << " in " << all;
  }
}

TEST_F(HttpServerTest, NobodyIsThereForALateAnswer) {
  HttpServer::Options options;
  options.request_timeout_ms = 30;
  StartServer(options);
  Client impatient(address_);
  impatient.Send("GET /later HTTP/1.1\r\n\r\n");
  EXPECT_EQ(impatient.ReadToEnd(), "") << "its handler takes too long";
  AnswerLater(1);
  EXPECT_THAT(Exchange("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n"), EndsWith("/echo?\n"));
  Client last(address_);
  last.Send("GET /later HTTP/1.1\r\n\r\n");
  EXPECT_EQ(last.ReadToEnd(), "");
  workers_->RunOn(0, [&] {
    server_.reset();
    for (const auto& answer : later_) answer({});
  });
}

TEST_F(HttpServerTest, ManyHeadersAreTooMuch) {
  std::string request = "GET /echo HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i) request += "A" + std::to_string(i) + ": b\r\n";
  EXPECT_THAT(Exchange(request + "\r\n"), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  std::string answer = Exchange("HEAD /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, SplitAtEveryByte) {
  const std::string request = "GET /echo?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string whole = Exchange(request);
  ASSERT_THAT(whole, EndsWith("/echo?q\n"));
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    Client client(address_);
    client.Send(request.substr(0, cut));
    client.Send(request.substr(cut));
    EXPECT_EQ(client.ReadToEnd(), whole) << cut;
  }
}

TEST_F(HttpServerTest, KeepsAliveAndAnswersPipelinesInOrder) {
  Client client(address_);
  client.Send("GET /echo?1 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("/echo?1\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  std::string requests, last;
  for (int i = 0; i < 200; ++i) {
    requests += "GET /echo?" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  }
  client.Send(requests);
  std::string answers = client.ReadUntil("/echo?199\n");
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = answers.find("/echo?" + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpServerTest, LargeAnswersToAPipeline) {
  Client client(address_);
  constexpr int kRequests = 20;
  for (int i = 0; i < kRequests; ++i) client.Send("GET /large HTTP/1.1\r\n\r\n");
  client.Send("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::string all = client.ReadToEnd();
  EXPECT_GT(all.size(), static_cast<std::size_t>(kRequests) << 20);
  EXPECT_THAT(all.substr(all.size() - 200), EndsWith("/echo?\n"));
}

TEST_F(HttpServerTest, AnswersAfterTheClientEndedItsInput) {
  Client client(address_);
  client.Send("GET /echo HTTP/1.1\r\n\r\n");
  client.EndInput();
  EXPECT_THAT(client.ReadToEnd(), EndsWith("/echo?\n"));
}

TEST_F(HttpServerTest, SilenceIsCut) {
  HttpServer::Options options;
  options.idle_timeout_ms = 30;
  StartServer(options);
  Client silent(address_);
  EXPECT_EQ(silent.ReadToEnd(), "");
  Client idle(address_);
  idle.Send("GET /echo HTTP/1.1\r\n\r\n");
  EXPECT_THAT(idle.ReadToEnd(), EndsWith("/echo?\n"));
}

TEST_F(HttpServerTest, SlowRequestsAreCut) {
  HttpServer::Options options;
  options.request_timeout_ms = 30;
  StartServer(options);
  Client slow(address_);
  slow.Send("GET /echo HTT");
  EXPECT_EQ(slow.ReadToEnd(), "");
}

TEST_F(HttpServerTest, TooManyConnections) {
  HttpServer::Options options;
  options.connections_max = 2;
  StartServer(options);
  Client first(address_), second(address_);
  first.Send("GET /echo HTTP/1.1\r\n\r\n");
  first.ReadUntil("/echo?\n");
  second.Send("GET /echo HTTP/1.1\r\n\r\n");
  second.ReadUntil("/echo?\n");
  Client third(address_);
  EXPECT_EQ(third.ReadToEnd(), "");
  first.Send("GET /echo HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first.ReadUntil("/echo?\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnAddressThatIsTakenIsAnError) {
  workers_->RunOn(0, [&] {
    auto second = HttpServer::Start(workers_->Loop(0), address_, {}, {});
    EXPECT_FALSE(second);
  });
}

}  // namespace
}  // namespace slotway::runtime
