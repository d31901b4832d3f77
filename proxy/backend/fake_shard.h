// SPDX-License-Identifier: Apache-2.0
// For tests: a shard on a free port of this machine whose answers a test scripts.
//
// Lives on the test's own loop. Requests are seen in the order of their arrival; ASKING comes as a
// request of its own. The greeting of the proxy's connections is answered by itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_request_parser.h"
#include "runtime/connection.h"
#include "runtime/listener.h"
#include "runtime/signals.h"

namespace slotway::proxy {

class FakeShard {
 public:
  // What the shard answers to a request of these words; kSilence and kHangUp mean themselves.
  using Script = std::function<std::string(const std::vector<std::string>& words)>;
  static constexpr std::string_view kSilence = "";
  static constexpr std::string_view kHangUp = "hang up";
  static constexpr std::string_view kOk = "+OK\r\n";  // wire: what a test sees, byte for byte

  explicit FakeShard(runtime::EventLoop& loop) : loop_(loop) {
    runtime::IgnoreBrokenPipes();  // as a program does
    Open(0);
  }

  std::uint16_t Port() const { return port_; }
  std::string Address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Answer(Script script) { script_ = std::move(script); }
  // Every request so far, its words joined by spaces, without greetings.
  const std::vector<std::string>& Seen() const { return seen_; }
  std::size_t Greetings() const { return greetings_; }
  std::size_t Connections() const { return peers_.size(); }
  // Sends bytes nobody asked for on every connection.
  void Push(std::string_view bytes) {
    for (auto& peer : peers_) Send(*peer, bytes);
  }
  // Ends every connection; with `is_deaf` no new one is accepted until Reopen().
  void HangUp(bool is_deaf = false) {
    peers_.clear();
    if (is_deaf) listener_.reset();
  }
  void Reopen() { Open(port_); }
  // As a stopped process: connections are still accepted, by the kernel.
  void StopReading() {
    is_reading_ = false;
    for (auto& peer : peers_) peer->connection->PauseReading();
  }
  void ReadOn() {
    is_reading_ = true;
    for (auto& peer : peers_) peer->connection->ResumeReading();
  }

 private:
  struct Peer final : runtime::Connection::Handler {
    std::size_t OnBytes(std::string_view input) override { return shard->Read(*this, input); }
    void OnEndOfInput() override { OnClosed(""); }
    void OnClosed(std::string_view) override { shard->Forget(*this); }
    FakeShard* shard = nullptr;
    std::unique_ptr<runtime::Connection> connection;
    protocol::RespRequestParser parser;
  };

  void Open(std::uint16_t port) {
    auto listener =
        runtime::Listener::Listen(loop_, *runtime::SocketAddress::FromNumeric("127.0.0.1", port),
                                  {}, [this](std::unique_ptr<runtime::Connection> accepted) {
                                    auto peer = std::make_unique<Peer>();
                                    peer->shard = this;
                                    peer->connection = std::move(accepted);
                                    peer->connection->Start(*peer);
                                    if (!is_reading_) peer->connection->PauseReading();
                                    peers_.push_back(std::move(peer));
                                  });
    listener_ = std::move(*listener);
    port_ = listener_->Address().Port();
  }

  std::size_t Read(Peer& peer, std::string_view input) {
    using Status = protocol::RespRequestParser::Status;
    std::size_t taken = 0;
    while (taken < input.size()) {
      if (peer.parser.Parse(input.substr(taken)) != Status::kRequest) break;
      taken += peer.parser.Consumed();
      std::vector<std::string> words(peer.parser.Args().begin(), peer.parser.Args().end());
      std::string reply = ReplyTo(words);
      if (reply == kHangUp) {
        Forget(peer);
        return taken;
      }
      Send(peer, reply);
    }
    return taken;
  }

  std::string ReplyTo(const std::vector<std::string>& words) {
    if (words[0] == "CLIENT" || words[0] == "HELLO" || words[0] == "AUTH") {
      ++greetings_;
      return greeting_ ? greeting_(words) : std::string(kOk);
    }
    if (words[0] == "ROLE") return role_;
    if (words[0] == "PING" && words.size() == 1) ++pings_;
    std::string joined;
    for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
    seen_.push_back(joined);
    return script_ ? script_(words) : std::string(kOk);
  }

  static void Send(Peer& peer, std::string_view bytes) {
    if (bytes.empty()) return;
    peer.connection->Output().Append(bytes);
    peer.connection->MarkForFlush();
  }

  void Forget(Peer& peer) {
    for (auto i = peers_.begin(); i != peers_.end(); ++i) {
      if (i->get() != &peer) continue;
      // Later: the peer is on the stack. std::function wants something to copy.
      loop_.Defer([dying = i->release()] { delete dying; });
      peers_.erase(i);
      return;
    }
  }

 public:
  // What greetings are answered, if not +OK.
  void AnswerGreetings(Script script) { greeting_ = std::move(script); }
  // What ROLE is answered.
  void AnswerRole(std::string reply) { role_ = std::move(reply); }
  std::size_t Pings() const { return pings_; }

 private:
  runtime::EventLoop& loop_;
  bool is_reading_ = true;
  std::unique_ptr<runtime::Listener> listener_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  Script script_;
  Script greeting_;
  std::string role_ =
      "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:100\r\n";
  std::vector<std::string> seen_;
  std::size_t greetings_ = 0;
  std::size_t pings_ = 0;
};

// Runs the loop until `is_done`, asked every millisecond; false after ten seconds in vain.
inline bool RunUntil(runtime::EventLoop& loop, std::function<bool()> is_done) {
  bool was_done = false;
  runtime::Timer poll(loop), limit(loop);
  poll.Start(0, 1, [&] {
    if (!is_done()) return;
    was_done = true;
    loop.Stop();
  });
  limit.Start(10'000, 0, [&] { loop.Stop(); });
  loop.Run();
  return was_done;
}

}  // namespace slotway::proxy
