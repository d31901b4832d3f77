// SPDX-License-Identifier: Apache-2.0
// For tests: one loop with two scripted shards, a worker's parts, and clients on real sockets.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>

#include "proxy/backend/fake_shard.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/meters/access_log.h"
#include "proxy/operations/compositions.h"
#include "proxy/pubsub/pubsub_hub.h"
#include "runtime/listener.h"

namespace slotway::proxy {

// A client's end of a connection: what it received, and whether it was hung up on.
class TestClient final : private runtime::Connection::Handler {
 public:
  TestClient(runtime::EventLoop& loop, const runtime::SocketAddress& to)
      : connection_(runtime::Connection::Connect(loop, to, 10'000, runtime::FlushStage::kUpstream,
                                                 *this)) {}
  void Send(std::string_view bytes) {
    connection_->Output().Append(bytes);
    connection_->MarkForFlush();
  }
  void StopReading() { connection_->PauseReading(); }
  void ReadOn() { connection_->ResumeReading(); }
  void Close() { connection_.reset(); }

  std::string received;
  bool is_ended = false;

 private:
  std::size_t OnBytes(std::string_view input) override {
    received += input;
    return input.size();
  }
  void OnEndOfInput() override { is_ended = true; }
  void OnClosed(std::string_view) override { is_ended = true; }

  std::unique_ptr<runtime::Connection> connection_;
};

class SessionFixture : public testing::Test {
 protected:
  explicit SessionFixture(const runtime::Clock& clock = runtime::SystemClock())
      : loop_(clock), plans_(PlanAllCommands(Compositions())) {
    settings_.backend.ping_interval_ms = 0;
    settings_.listeners = {{"127.0.0.1", 0, {}}};
  }
  ~SessionFixture() override {
    if (!dispatcher_) return;
    loop_.Post([this] {
      dispatcher_->Shutdown();
      pubsub_->Shutdown();
      for (ClientSession* session : sessions_.All()) session->Cut("end of test");
      listener_.reset();
      loop_.Stop();
    });
    loop_.Run();
    EXPECT_TRUE(sessions_.Empty());
  }

  // Starts with settings_; the slots are shared evenly by x_ and y_.
  void Begin() {
    ASSERT_EQ(book_.ApplySettings(settings_.auth), std::nullopt);
    dispatcher_ = std::make_unique<Dispatcher>(loop_, settings_, 1, [] {});
    meters_.push_back(std::make_unique<WorkerMeter>("slotway-test-0", access_));
    meters_[0]->Apply(settings_, 1);
    dispatcher_->MeasureWith(*meters_[0]);
    router_ = std::make_unique<Router>(*dispatcher_, settings_, plans_);
    pubsub_ = std::make_unique<PubsubHub>(loop_, settings_, *dispatcher_, PubsubHub::Place{});
    services_.reset(new WorkerServices{
        loop_, settings_, book_, audit_, *dispatcher_, *router_, *pubsub_, sessions_,
        {0, 1, [this](std::size_t, auto task) { loop_.Post([=, this] { task(*services_); }); }},
        counters_, *meters_[0], meters_, nullptr, [] { return ProcessFacts{}; },
        [this](ClientSession& session) {
          loop_.Defer([this, id = session.State().id] { sessions_.Erase(id); });
        }});
    // shared: as a worker's snapshot is.
    auto topology = std::make_shared<protocol::Topology>();
    topology->nodes.resize(2);
    topology->nodes[0].id = std::string(40, 'a');
    topology->nodes[0].endpoint = {"127.0.0.1", x_.Port()};
    topology->nodes[1].id = std::string(40, 'b');
    topology->nodes[1].endpoint = {"127.0.0.1", y_.Port()};
    for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
      topology->owner_of_slot[slot] = slot < protocol::kSlotCount / 2 ? 0 : 1;
    }
    services_->topology = topology;
    dispatcher_->UpdateTopology(*topology);
    pubsub_->UpdateTopology(*topology);
    auto listener = runtime::Listener::Listen(
        loop_, *runtime::SocketAddress::FromNumeric("127.0.0.1", 0), {},
        [this](std::unique_ptr<runtime::Connection> accepted) {
          auto id = ++last_id_;
          // shared: as with a worker's clients.
          ClientOrigin origin{std::make_shared<config::ListenerConfig>(settings_.listeners[0])};
          sessions_
              .Add(std::make_unique<ClientSession>(std::move(accepted), *services_, id,
                                                   std::move(origin)))
              .Start();
        });
    listener_ = std::move(*listener);
    ASSERT_TRUE(
        RunUntil(loop_, [&] { return dispatcher_->Counters().unready_masters.Get() == 0; }));
  }
  std::unique_ptr<TestClient> Connect() {
    return std::make_unique<TestClient>(loop_, listener_->Address());
  }
  // Sends `request` on a connection of its own, and expects exactly `reply`.
  void ExpectReply(std::string request, const std::string& reply) {
    SCOPED_TRACE(request.substr(0, 100));
    auto client = Connect();
    client->Send(request);
    RunUntil(loop_, [&] { return client->received.size() >= reply.size() || client->is_ended; });
    EXPECT_EQ(client->received, reply);
  }
  bool Received(TestClient& client, std::string_view reply) {
    bool is_complete =
        RunUntil(loop_, [&] { return client.received.size() >= reply.size() || client.is_ended; });
    EXPECT_EQ(client.received, reply);
    client.received.clear();
    return is_complete;
  }

  runtime::EventLoop loop_;
  config::ProxyConfig settings_;
  UserBook book_;
  AuditLog audit_;
  AccessLog access_;
  WorkerMeters meters_;
  FakeShard x_{loop_}, y_{loop_};
  std::vector<RequestPlan> plans_;
  SessionCounters counters_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<PubsubHub> pubsub_;
  std::unique_ptr<WorkerServices> services_;
  std::unique_ptr<runtime::Listener> listener_;
  SessionRegistry sessions_;
  std::uint64_t last_id_ = 0;
};

}  // namespace slotway::proxy
