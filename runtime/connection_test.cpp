// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "runtime/listener.h"
#include "runtime/signals.h"

namespace slotway::runtime {
namespace {

// A handler whose reactions a test fills in.
struct Scripted final : Connection::Handler {
  std::size_t OnBytes(std::string_view input) override {
    if (on_bytes) return on_bytes(input);
    received.append(input);
    return input.size();
  }
  void OnEndOfInput() override {
    if (on_end) on_end();
  }
  void OnClosed(std::string_view reason) override {
    closed_reason = reason;
    if (on_closed) on_closed();
  }
  void OnConnected() override {
    if (on_connected) on_connected();
  }
  bool IsFlushWanted() override { return is_flush_wanted ? is_flush_wanted() : true; }
  void OnDrained() override {
    if (on_drained) on_drained();
  }

  std::function<std::size_t(std::string_view)> on_bytes;
  std::function<void()> on_end, on_closed, on_connected, on_drained;
  std::function<bool()> is_flush_wanted;
  std::string received, closed_reason;
};

// A server and a client connection on one loop.
class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    IgnoreBrokenPipes();
    auto listener = Listener::Listen(loop_, *SocketAddress::FromNumeric("127.0.0.1", 0), {},
                                     [this](std::unique_ptr<Connection> accepted) {
                                       server_ = std::move(accepted);
                                       server_->Start(server_handler_);
                                       if (on_accepted_) on_accepted_();
                                     });
    ASSERT_TRUE(listener) << listener.error().text;
    listener_ = *std::move(listener);
  }
  void Connect() {
    client_ = Connection::Connect(loop_, listener_->Address(), 10'000, FlushStage::kUpstream,
                                  client_handler_);
  }
  static void Send(Connection& connection, std::string_view bytes) {
    connection.Output().Append(bytes);
    connection.MarkForFlush();
  }
  void StopWhenBothEnded(int& ended) {
    if (++ended == 2) loop_.Stop();
  }

  EventLoop loop_;
  Scripted server_handler_, client_handler_;
  std::function<void()> on_accepted_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connection> server_, client_;
};

TEST_F(ConnectionTest, BytesBothWays) {
  client_handler_.on_connected = [&] { Send(*client_, "ping"); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    EXPECT_EQ(input, "ping");
    EXPECT_TRUE(server_->PeerAddress() == client_->LocalAddress());
    Send(*server_, "pong");
    return input.size();
  };
  client_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    EXPECT_EQ(input, "pong");
    loop_.Stop();
    return input.size();
  };
  Connect();
  loop_.Run();
  EXPECT_TRUE(client_->IsConnected());
}

TEST_F(ConnectionTest, WhatIsUpstreamIsFlushedFirst) {
  std::string order;
  bool is_watched = false;
  auto note = [&](char who) {
    if (is_watched) order += who;
    return true;
  };
  server_handler_.is_flush_wanted = [&] { return note('s'); };
  client_handler_.is_flush_wanted = [&] { return note('c'); };
  client_handler_.on_connected = [&] { Send(*client_, "ping"); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    is_watched = true;
    if (!order.empty()) server_->SetFlushStage(FlushStage::kUpstream);
    Send(*server_, "pong");
    Send(*client_, "ping");
    if (order.size() >= 4) loop_.Stop();
    return input.size();
  };
  Connect();
  loop_.Run();
  // Within a stage: who was marked first.
  EXPECT_EQ(order.substr(0, 4), "cssc");
}

TEST_F(ConnectionTest, WhoYieldsIsOfferedTheRestInTheNextIteration) {
  std::vector<std::string> offers;
  std::vector<std::uint32_t> turns;
  client_handler_.on_connected = [&] { Send(*client_, "abc"); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    offers.emplace_back(input);
    turns.push_back(loop_.Turn());
    server_->YieldReading();
    if (input.size() == 1) loop_.Stop();
    return 1;
  };
  Connect();
  loop_.Run();
  EXPECT_THAT(offers, testing::ElementsAre("abc", "bc", "c"));
  EXPECT_NE(turns[0], turns[1]);
  EXPECT_NE(turns[1], turns[2]);
}

TEST_F(ConnectionTest, ALotOfInputIsReadInSeveralIterations) {
  constexpr std::size_t kBytes = 1 << 20;
  std::map<std::uint32_t, std::size_t> bytes_of_turn;
  std::size_t received = 0;
  client_handler_.on_connected = [&] { Send(*client_, std::string(kBytes, 'x')); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    bytes_of_turn[loop_.Turn()] += input.size();
    received += input.size();
    if (received == kBytes) loop_.Stop();
    return input.size();
  };
  Connect();
  loop_.Run();
  for (auto [turn, bytes] : bytes_of_turn) EXPECT_LE(bytes, 320u * 1024);
}

TEST_F(ConnectionTest, InputThatIsNotTakenIsOfferedAgainWithMoreBehind) {
  std::vector<std::string> offers;
  client_handler_.on_connected = [&] { Send(*client_, "abc"); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    offers.emplace_back(input);
    if (offers.size() == 1) {
      Send(*client_, "def");
      return 1;
    }
    loop_.Stop();
    return input.size();
  };
  Connect();
  loop_.Run();
  EXPECT_THAT(offers, testing::ElementsAre("abc", "bcdef"));
  EXPECT_EQ(server_->KeptInputBytes(), 0u);
}

// 64 MB through both directions with a reader that pauses: all bytes, in order, and the writer is
// told each time the socket took everything.
TEST_F(ConnectionTest, MuchOutputToAReaderThatPauses) {
  constexpr std::size_t kRounds = 64;
  const std::string block(1 << 20, 'x');
  std::size_t sent = 0, received = 0;
  auto send_block = [&] {
    if (sent == kRounds) return;
    ++sent;
    Send(*client_, block);
  };
  client_handler_.on_connected = send_block;
  client_handler_.on_drained = send_block;
  Timer resume(loop_);
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    received += input.size();
    if (received == kRounds * block.size()) loop_.Stop();
    if (received % 7 == 0) {
      server_->PauseReading();
      resume.Start(0, 0, [&] { server_->ResumeReading(); });
    }
    return input.size();
  };
  Connect();
  loop_.Run();
  EXPECT_EQ(received, kRounds * block.size());
}

TEST_F(ConnectionTest, AllOutputLeavesBeforeAClose) {
  const std::string much(8 << 20, 'y');
  int ended = 0;
  on_accepted_ = [&] {
    Send(*server_, much);
    server_->CloseAfterFlush();
  };
  server_handler_.on_closed = [&] {
    server_.reset();
    StopWhenBothEnded(ended);
  };
  client_handler_.on_end = [&] { StopWhenBothEnded(ended); };
  Connect();
  loop_.Run();
  EXPECT_EQ(client_handler_.received.size(), much.size());
}

TEST_F(ConnectionTest, HeldOutputLeavesSoonAfter) {
  int asked = 0;
  client_handler_.on_connected = [&] { Send(*client_, "held"); };
  client_handler_.is_flush_wanted = [&] { return ++asked > 1; };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    EXPECT_EQ(input, "held");
    loop_.Stop();
    return input.size();
  };
  Connect();
  loop_.Run();
  EXPECT_GE(asked, 2);
}

TEST_F(ConnectionTest, ARefusedConnectIsToldOnce) {
  SocketAddress address = listener_->Address();
  listener_.reset();
  int closed = 0;
  client_handler_.on_closed = [&] {
    ++closed;
    client_.reset();
    loop_.Stop();
  };
  client_ = Connection::Connect(loop_, address, 10'000, FlushStage::kUpstream, client_handler_);
  loop_.Run();
  EXPECT_EQ(closed, 1);
  EXPECT_THAT(client_handler_.closed_reason, testing::HasSubstr("refused"));
}

TEST_F(ConnectionTest, MayBeDestroyedInItsCallbacks) {
  client_handler_.on_connected = [&] { Send(*client_, "x"); };
  server_handler_.on_bytes = [&](std::string_view) -> std::size_t {
    server_.reset();
    return 0;
  };
  client_handler_.on_end = [&] {
    client_.reset();
    loop_.Stop();
  };
  client_handler_.on_closed = client_handler_.on_end;
  Connect();
  loop_.Run();
  EXPECT_EQ(server_, nullptr);
  EXPECT_EQ(client_, nullptr);
}

TEST_F(ConnectionTest, WrittenOutputIsKeptUntilReleased) {
  client_handler_.on_connected = [&] {
    client_->KeepWritten();
    Send(*client_, "unanswered");
  };
  client_handler_.on_drained = [&] { loop_.Stop(); };
  Connect();
  loop_.Run();
  EXPECT_EQ(client_->Written(), 10u);
  EXPECT_EQ(client_->UnwrittenBytes(), 0u);
  EXPECT_EQ(client_->Output().Size(), 10u);
  client_->Output().ReleaseTo(10);
  EXPECT_TRUE(client_->Output().Empty());
}

// Whoever counts on PossiblyWritten() to know what may have been received must not be told less
// when the write itself fails: libuv may have written a part of it.
TEST_F(ConnectionTest, AFailedWriteMayHaveBeenWritten) {
  const std::string much(32 << 20, 'z');
  std::size_t received = 0;
  ByteQueue::Position possibly_written = 0;
  client_handler_.on_connected = [&] {
    client_->PauseReading();  // so that the end is noticed by the write
    Send(*client_, much);
  };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    received += input.size();
    // Far more than the first write can have taken; then a reset.
    if (received > (16u << 20) && server_) server_.reset();
    return input.size();
  };
  client_handler_.on_closed = [&] {
    possibly_written = client_->PossiblyWritten();
    loop_.Stop();
  };
  Connect();
  loop_.Run();
  EXPECT_GE(possibly_written, received);
}

TEST_F(ConnectionTest, AnAbandonedConnectionIsSilent) {
  int told = 0;
  client_handler_.on_connected = [&] {
    Send(*client_, "never sent");
    client_->Abandon();
    client_.reset();
  };
  client_handler_.on_closed = [&] { ++told; };
  server_handler_.on_end = [&] {
    server_.reset();
    loop_.Stop();
  };
  Connect();
  loop_.Run();
  EXPECT_EQ(told, 0);
  EXPECT_EQ(server_handler_.received, "");
}

TEST_F(ConnectionTest, MayBeDestroyedWhileAResumeIsDeferredByAFlush) {
  client_handler_.on_connected = [&] {
    client_->PauseReading();
    Send(*client_, "x");
  };
  Timer later(loop_);
  client_handler_.on_drained = [&] {
    client_->ResumeReading();
    client_.reset();
    later.Start(1, 0, [&] { loop_.Stop(); });
  };
  Connect();
  loop_.Run();
  EXPECT_EQ(client_, nullptr);
}

// The rest of something large is kept, the memory of the large is not.
TEST_F(ConnectionTest, LargeInputLeavesNoMemoryBehind) {
  const std::string large(4 << 20, 'l');
  std::size_t large_taken = 0;
  client_handler_.on_connected = [&] { Send(*client_, large + "rest"); };
  server_handler_.on_bytes = [&](std::string_view input) -> std::size_t {
    if (input.size() < large.size() + 4) return 0;
    EXPECT_EQ(input.substr(large.size()), "rest");
    large_taken = large.size();
    loop_.Stop();
    return large.size();
  };
  Connect();
  loop_.Run();
  EXPECT_EQ(large_taken, large.size());
  EXPECT_EQ(server_->KeptInputBytes(), 4u);
  EXPECT_LT(server_->KeptInputCapacity(), 1024u);
}

}  // namespace
}  // namespace slotway::runtime
