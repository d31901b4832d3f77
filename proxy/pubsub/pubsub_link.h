// SPDX-License-Identifier: Apache-2.0
// A worker's connection to one node for subscriptions, in RESP3.
//
// What is asked for within one iteration of the loop goes out in few requests. Each request stands
// before a fence (BackendConnection::SendFenced()): when that is answered, all of the request is
// done or, after an error, none of it. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/backend_connection.h"
#include "proxy/pubsub/topic.h"

namespace slotway::proxy {

class PubsubLink final : private BackendConnection::Events {
 public:
  // Topics that one request is about.
  struct Ask {
    TopicKind kind;
    bool is_join;
    bool is_alone;
    protocol::Slot slot;
    std::vector<Topic*> topics;
    std::string error;  // what came instead, with '-' and CRLF
  };

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnLinkReady(PubsubLink& link) = 0;
    virtual void OnAnswered(PubsubLink& link, const Ask& ask) = 0;
    virtual void OnLinkPush(PubsubLink& link, std::string_view push) = 0;
    // Nothing is subscribed there any more. The owner destroys the link later, not within.
    virtual void OnLinkDown(PubsubLink& link, std::string_view reason) = 0;
  };

  PubsubLink(runtime::EventLoop& loop, const runtime::SocketAddress& address,
             const BackendGreeting& greeting, Owner& owner);
  ~PubsubLink() override;

  // The topic stays until this is answered: its standing counts what is asked here.
  void Join(Topic& topic) { Add(topic, true); }
  void Leave(Topic& topic) { Add(topic, false); }

  bool IsReady() const { return connection_.IsReady(); }
  bool IsDown() const { return connection_.IsDown(); }
  const runtime::SocketAddress& Address() const { return connection_.Address(); }
  // For a PUBLISH that has to keep its place among the messages. REQUIRES: IsReady().
  void Send(std::string_view bytes, const InFlight& request) { connection_.Send(bytes, request); }
  void Fail(std::string_view reason) { connection_.Fail(reason); }
  // What it has heard is told on in the next iteration of the loop.
  void YieldReading() { connection_.YieldReading(); }
  // Call it once in a while.
  void Care(const config::BackendConfig& settings);

  // The owner's notes.
  bool is_master = false;
  std::size_t standings = 0;  // topics with a standing here
  int idle_rounds = 0;

 private:
  void OnReady(BackendConnection&) override { owner_.OnLinkReady(*this); }
  bool OnErrorReply(BackendConnection&, InFlight& request, std::string_view reply) override;
  void OnLost(InFlight&, std::string, bool) override {}
  void OnDown(BackendConnection&, std::string_view reason) override;
  void OnPush(BackendConnection&, std::string_view push) override {
    owner_.OnLinkPush(*this, push);
  }
  void OnFence(BackendConnection&) override;

  void Add(Topic& topic, bool is_join);
  void SendAsked();

  runtime::EventLoop& loop_;
  Owner& owner_;
  BackendConnection connection_;
  std::vector<Ask> unsent_;
  std::deque<Ask> asked_;
  std::uint64_t began_ms_;
  // shared: lets a deferred call see whether this link still exists.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace slotway::proxy
