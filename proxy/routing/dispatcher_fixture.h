// SPDX-License-Identifier: Apache-2.0
// For tests: a dispatcher between two clients and two scripted shards.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "protocol/resp_writer.h"
#include "proxy/backend/fake_shard.h"
#include "proxy/reply/reply_fixture.h"
#include "proxy/routing/dispatcher.h"

namespace slotway::proxy {

class DispatcherFixture : public testing::Test {
 public:
  using Words = std::vector<std::string>;

 protected:
  DispatcherFixture() {
    settings_.hold.time_max_ms = 5000;
    settings_.retry.backoff_ms = 1;
    settings_.retry.backoff_max_ms = 4;
    settings_.backend.ping_interval_ms = 0;
  }
  ~DispatcherFixture() override {
    // As a worker does: everything is answered before the clients go.
    loop_.Post([this] {
      dispatcher_->Shutdown();
      loop_.Stop();
    });
    loop_.Run();
  }

  Dispatcher& Make() {
    dispatcher_ = std::make_unique<Dispatcher>(loop_, settings_, 1, [this] { ++refreshes_; });
    return *dispatcher_;
  }
  // The slots below `border` belong to x_, the others to y_.
  void Publish(int border = 8192) {
    ++topology_.version;
    topology_.nodes.resize(2);
    FakeShard* shards[] = {&x_, &y_};
    for (std::size_t i = 0; i < 2; ++i) {
      topology_.nodes[i].id = std::string(40, static_cast<char>('a' + i));
      topology_.nodes[i].endpoint = {"127.0.0.1", shards[i]->Port()};
      topology_.nodes[i].is_master = true;
    }
    for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
      topology_.owner_of_slot[static_cast<std::size_t>(slot)] = slot < border ? 0 : 1;
    }
    dispatcher_->UpdateTopology(topology_);
  }
  void Begin() {
    Make();
    Publish();
    ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 0; }));
  }
  std::uint64_t Unready() { return dispatcher_->Counters().unready_masters.Get(); }

  static std::string Wire(const Words& words) {
    std::string bytes;
    protocol::StringSink sink{bytes};
    std::vector<std::string_view> views(words.begin(), words.end());
    protocol::WriteRequest(sink, std::span<const std::string_view>(views));
    return bytes;
  }
  static InFlight Ask(FakeClient& client, int slot, bool is_readonly = false) {
    InFlight request;
    request.queue = &client.queue;
    request.place = client.queue.Open();
    request.slot = static_cast<protocol::Slot>(slot);
    request.is_readonly = is_readonly;
    return request;
  }
  void Send(FakeClient& client, const Words& words, int slot = 1, bool is_readonly = false) {
    dispatcher_->Send(Wire(words), Ask(client, slot, is_readonly));
  }
  void SendByDigest(FakeClient& client, const Words& words, int slot = 1) {
    dispatcher_->SendByDigest(Wire(words), Ask(client, slot));
  }
  bool AllAnswered(FakeClient& client) {
    return RunUntil(loop_, [&] { return client.queue.Outstanding() == 0; });
  }

  runtime::EventLoop loop_;
  config::ProxyConfig settings_;
  FakeShard x_{loop_}, y_{loop_};
  protocol::Topology topology_;
  FakeClient client_{loop_}, other_{loop_};
  int refreshes_ = 0;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace slotway::proxy
