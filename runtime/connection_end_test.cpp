// SPDX-License-Identifier: Apache-2.0
// How a connection ends as its peer sees it: a plain socket that reads when it likes.
#include <cerrno>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include "runtime/connection.h"
#include "runtime/listener.h"
#include "runtime/signals.h"

namespace slotway::runtime {
namespace {

// What the kernel tells of a connection; the C library's structure is older.
struct SocketFacts {
  tcp_info info;
  std::uint64_t pacing_rate, pacing_rate_max, bytes_acked, bytes_received;
  std::uint32_t segments_out, segments_in;
};

class ConnectionEndTest : public testing::Test, private Connection::Handler {
 protected:
  void SetUp() override {
    IgnoreBrokenPipes();
    auto listener = Listener::Listen(loop_, *SocketAddress::FromNumeric("127.0.0.1", 0), {},
                                     [this](std::unique_ptr<Connection> accepted) {
                                       server_ = std::move(accepted);
                                       server_->Start(*this);
                                     });
    ASSERT_TRUE(listener) << listener.error().text;
    const SocketAddress& address = (*listener)->Address();
    peer_ = OwnedFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(peer_.Number(), address.Native(), address.NativeSize()), 0);
    Run([this] { return server_ != nullptr; });
  }
  void Run(const std::function<bool()>& until) {
    Timer tick(loop_);
    tick.Start(0, 1, [&] {
      if (until()) loop_.Stop();
    });
    loop_.Run();
  }
  SocketFacts PeerFacts() const {
    SocketFacts facts{};
    socklen_t size = sizeof facts;
    EXPECT_EQ(getsockopt(peer_.Number(), IPPROTO_TCP, TCP_INFO, &facts, &size), 0);
    return facts;
  }
  bool HasPeerEnded() const { return PeerFacts().info.tcpi_state == TCP_CLOSE_WAIT; }
  // All that comes until the end; an error's text stands behind it.
  std::string ReadToEnd() const {
    std::string all;
    std::string block(65536, '\0');
    for (;;) {
      ssize_t count = recv(peer_.Number(), block.data(), block.size(), 0);
      if (count < 0) return all + std::strerror(errno);
      if (count == 0) return all;
      all.append(block, 0, static_cast<std::size_t>(count));
    }
  }

  EventLoop loop_;
  std::unique_ptr<Connection> server_;
  OwnedFd peer_;
  std::string received_;
  int closed_ = 0;

 private:
  std::size_t OnBytes(std::string_view input) override {
    received_ += input;
    return input.size();
  }
  void OnEndOfInput() override {}
  void OnClosed(std::string_view) override {
    ++closed_;
    server_.reset();
  }
};

// Two segments would leave time for a request between the answer and the end.
TEST_F(ConnectionEndTest, TheLastAnswerAndTheEndComeInOneSegment) {
  const std::uint32_t before = PeerFacts().segments_in;
  server_->Output().Append("+OK\r\n");
  server_->CloseAfterFlush();
  Run([this] { return closed_ == 1 && HasPeerEnded(); });
  EXPECT_EQ(PeerFacts().segments_in - before, 1u);
  EXPECT_EQ(ReadToEnd(), "+OK\r\n");
}

TEST_F(ConnectionEndTest, WhoIsSeenOffMayCloseFirst) {
  server_->Output().Append("+OK\r\n");
  server_->SeeOff();
  Run([this] { return HasPeerEnded(); });
  EXPECT_EQ(closed_, 0);
  EXPECT_EQ(send(peer_.Number(), "more", 4, MSG_NOSIGNAL), 4);
  EXPECT_EQ(ReadToEnd(), "+OK\r\n");
  peer_ = OwnedFd();
  Run([this] { return closed_ == 1; });
  EXPECT_EQ(received_, "");
}

TEST_F(ConnectionEndTest, WhoIsSeenOffNeedNotClose) {
  server_->SeeOff();
  Run([this] { return closed_ == 1; });
  EXPECT_EQ(ReadToEnd(), "");
}

// More than the peer's socket takes, so that some of it waits at the kernel while the peer asks on.
TEST_F(ConnectionEndTest, WhatIsAskedTooLateDestroysNoAnswer) {
  const std::string much(4 << 20, 'x');
  server_->Output().Append(much);
  server_->SeeOff();
  std::string all;
  std::thread peer([&] {
    std::string request(1000, 'r');
    for (int i = 0; i < 20; ++i) {
      send(peer_.Number(), request.data(), request.size(), MSG_NOSIGNAL);
      std::string block(200'000, '\0');
      ssize_t count = recv(peer_.Number(), block.data(), block.size(), MSG_WAITALL);
      if (count > 0) all.append(block, 0, static_cast<std::size_t>(count));
    }
    all += ReadToEnd();
    peer_ = OwnedFd();
  });
  Run([this] { return closed_ == 1; });
  peer.join();
  EXPECT_EQ(all.size(), much.size());
}

TEST_F(ConnectionEndTest, WhatHasNotBeenTakenIsKnown) {
  EXPECT_FALSE(server_->HasUntakenInput());
  server_->PauseReading();
  EXPECT_EQ(send(peer_.Number(), "abc", 3, 0), 3);
  Run([this] { return server_->HasUntakenInput(); });
  EXPECT_EQ(received_, "");
  server_->ResumeReading();
  Run([this] { return !server_->HasUntakenInput(); });
  EXPECT_EQ(received_, "abc");
}

}  // namespace
}  // namespace slotway::runtime
