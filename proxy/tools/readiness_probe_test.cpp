// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/readiness_probe.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "proxy/tools/free_ports.h"

namespace slotway::proxy {
namespace {

// Serves one connection: sends `replies` in two pieces once it has read something.
class CannedServer {
 public:
  CannedServer(std::string replies, std::size_t split) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* native = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, native, size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    getsockname(fd_, native, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, replies = std::move(replies), split] { Serve(replies, split); });
  }
  ~CannedServer() {
    thread_.join();
    close(fd_);
  }
  std::uint16_t Port() const { return port_; }
  const std::string& Received() const { return received_; }

 private:
  void Serve(const std::string& replies, std::size_t split) {
    int client = accept(fd_, nullptr, nullptr);
    char buffer[4096];
    ssize_t size = read(client, buffer, sizeof buffer);
    if (size > 0) received_.assign(buffer, static_cast<std::size_t>(size));
    for (std::string part : {replies.substr(0, split), replies.substr(split)}) {
      if (!part.empty()) send(client, part.data(), part.size(), MSG_NOSIGNAL);
    }
    shutdown(client, SHUT_WR);
    while (read(client, buffer, sizeof buffer) > 0) {
    }
    close(client);
  }

  int fd_;
  std::uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

std::string Probe(std::uint16_t port) {
  runtime::EventLoop loop;
  std::optional<std::string> outcome;
  ReadinessProbe probe(loop, port, "secret", [&](const std::string& problem) {
    EXPECT_FALSE(outcome) << "told twice";
    outcome = problem;
    loop.Stop();
  });
  loop.Run();
  return outcome.value_or("never told");
}

constexpr std::string_view kUp = "$18\r\ncluster_state:ok\r\n\r\n";

TEST(ReadinessProbeTest, AsksForPasswordPingAndClusterState) {
  std::string replies = "+OK\r\n+PONG\r\n" + std::string(kUp);
  for (std::size_t split = 0; split <= replies.size(); ++split) {
    CannedServer server(replies, split);
    EXPECT_EQ(Probe(server.Port()), "") << split;
  }
}

TEST(ReadinessProbeTest, TellsWhatIsInTheWay) {
  const struct {
    std::string replies;
    std::string problem;
  } rows[] = {
      {"-WRONGPASS no\r\n", "WRONGPASS no"},
      {"+OK\r\n-LOADING wait\r\n" + std::string(kUp), "LOADING wait"},
      {"+OK\r\n+PONG\r\n$20\r\ncluster_state:fail\r\n\r\n",
       "the shard says that the cluster is down"},
      {"HTTP/1.1 400\r\n", "what answers does not speak the Redis protocol"},
      {"", "the shard closed the connection"},
      {"+OK\r\n+PO", "the shard closed the connection"},
  };
  for (const auto& row : rows) {
    CannedServer server(row.replies, 0);
    EXPECT_EQ(Probe(server.Port()), row.problem);
  }
}

TEST(ReadinessProbeTest, NobodyListens) { EXPECT_NE(Probe(*FindFreePort("127.0.0.1")), ""); }

}  // namespace
}  // namespace slotway::proxy
