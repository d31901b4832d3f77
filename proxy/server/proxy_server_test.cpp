// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_server.h"

#include <atomic>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

// The proxy on threads of its own; shards and clients on the test's loop.
class ProxyServerTest : public testing::Test {
 protected:
  ProxyServerTest() {
    settings_.listeners = {{"127.0.0.1", 0, {}}};
    settings_.backend.seeds = {{"127.0.0.1", shard_.Port()}};
    settings_.backend.topology.refresh_min_interval_ms = 5;
    settings_.admin.port = 0;
    settings_.workers = 2;
    settings_.backend.ping_interval_ms = 0;
    std::string text = fmt::format("{} 127.0.0.1:{}@1 myself,master - 0 0 1 connected 0-16383\n",
                                   std::string(40, 'a'), shard_.Port());
    shard_.Answer([text](const Words& words) -> std::string {
      if (words[0] == "CLUSTER") return fmt::format("${}\r\n{}\r\n", text.size(), text);
      if (words[0] == "SLOW") return std::string(FakeShard::kSilence);
      return "+OK\r\n";
    });
  }
  ~ProxyServerTest() override { StopAndJoin(); }

  void Start() {
    server_ = std::make_unique<ProxyServer>(settings_);
    auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().text;
    thread_ = std::thread([this] {
      server_->Run();
      has_ended_ = true;
    });
  }
  bool HasEnded() {
    return RunUntil(loop_, [&] { return has_ended_.load(); });
  }
  void StopAndJoin() {
    if (!thread_.joinable()) return;
    server_->Stop();
    EXPECT_TRUE(HasEnded());
    thread_.join();
  }
  bool IsReady(std::string& reason) {
    std::atomic<int> answer{-1};
    server_->MainLoop().Post([&] { answer = server_->IsReady(reason) ? 1 : 0; });
    EXPECT_TRUE(RunUntil(loop_, [&] { return answer >= 0; }));
    return answer == 1;
  }
  bool BecomesReady() {
    for (std::string reason; !IsReady(reason);) {
      if (reason.empty()) return false;
    }
    return true;
  }
  std::unique_ptr<TestClient> Connect(std::size_t listener = 0) {
    return std::make_unique<TestClient>(loop_, server_->Addresses()[listener]);
  }
  // On the main loop, as a signal's callback would.
  runtime::Result<SettingsChange> Reload(const config::ProxyConfig& fresh) {
    runtime::Result<SettingsChange> change;
    std::atomic<bool> is_done{false};
    server_->MainLoop().Post([&] {
      change = server_->Reload(fresh);
      is_done = true;
    });
    EXPECT_TRUE(RunUntil(loop_, [&] { return is_done.load(); }));
    return change;
  }
  void ExpectAnswer(const std::string& request, const std::string& reply,
                    std::size_t listener = 0) {
    SCOPED_TRACE(request);
    auto client = Connect(listener);
    client->Send(request);
    RunUntil(loop_, [&] { return client->received.size() >= reply.size() || client->is_ended; });
    EXPECT_EQ(client->received, reply);
  }
  bool Receives(TestClient& client, const std::string& reply) {
    return RunUntil(loop_, [&] { return client.received == reply; });
  }

  runtime::EventLoop loop_;
  FakeShard shard_{loop_};
  config::ProxyConfig settings_;
  std::unique_ptr<ProxyServer> server_;
  std::thread thread_;
  std::atomic<bool> has_ended_{false};
};

TEST_F(ProxyServerTest, ServesAndStops) {
  Start();
  ASSERT_TRUE(BecomesReady());
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(Connect());
    clients.back()->Send("SET a 1\r\nPING\r\n");
  }
  for (auto& client : clients) ASSERT_TRUE(Receives(*client, "+OK\r\n+PONG\r\n"));
  EXPECT_EQ(server_->Facts().clients, 8u);
  EXPECT_EQ(server_->Facts().requests, 16u);
  StopAndJoin();
  for (auto& client : clients) {
    ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  }
}

TEST_F(ProxyServerTest, StartsBeforeItsShardsAndHoldsRequests) {
  shard_.HangUp(true);
  Start();
  std::string reason;
  EXPECT_FALSE(IsReady(reason));
  EXPECT_THAT(reason, HasSubstr("no shard has told the topology yet"));
  auto client = Connect();
  client->Send("SET a 1\r\n");
  shard_.Reopen();
  EXPECT_TRUE(Receives(*client, "+OK\r\n"));
  EXPECT_TRUE(BecomesReady());
}

TEST_F(ProxyServerTest, DrainingWaitsForAnswers) {
  Start();
  ASSERT_TRUE(BecomesReady());
  auto client = Connect();
  client->Send("PING\r\n");
  ASSERT_TRUE(Receives(*client, "+PONG\r\n"));
  bool is_slow = false;
  shard_.Answer([&](const Words& words) -> std::string {
    is_slow = is_slow || words[0] == "GET";
    return words[0] == "GET" ? std::string(FakeShard::kSilence) : "+OK\r\n";
  });
  client->Send("GET a\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return is_slow; }));
  server_->Stop();
  std::string reason;
  EXPECT_FALSE(IsReady(reason));
  EXPECT_EQ(reason, "shutting down");
  EXPECT_FALSE(client->is_ended);
  shard_.Push("+late\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  EXPECT_EQ(client->received, "+PONG\r\n+late\r\n");
  EXPECT_TRUE(HasEnded());
}

TEST_F(ProxyServerTest, WhoIsAskingWhenItDrainsGoesBehindAnAnswer) {
  Start();
  ASSERT_TRUE(BecomesReady());
  shard_.Answer([](const Words&) -> std::string { return "+OK\r\n"; });
  auto client = Connect();
  client->Send("GET a\r\n");
  ASSERT_TRUE(Receives(*client, "+OK\r\n"));
  server_->Stop();
  // Time enough to close what would be closed at once: the next request could be on its way.
  const std::uint64_t began_ms = loop_.NowMs();
  ASSERT_TRUE(RunUntil(loop_, [&] { return loop_.NowMs() - began_ms > 100; }));
  EXPECT_FALSE(client->is_ended);
  client->Send("GET a\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  EXPECT_EQ(client->received, "+OK\r\n+OK\r\n");
  EXPECT_TRUE(HasEnded());
}

TEST_F(ProxyServerTest, DrainingHasAnEnd) {
  settings_.shutdown_drain_ms = 50;
  Start();
  ASSERT_TRUE(BecomesReady());
  bool is_slow = false;
  shard_.Answer([&](const Words& words) -> std::string {
    is_slow = is_slow || words[0] == "GET";
    return std::string(FakeShard::kSilence);
  });
  auto client = Connect();
  client->Send("GET a\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return is_slow; }));
  StopAndJoin();
  EXPECT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
}

TEST_F(ProxyServerTest, TooManyClients) {
  settings_.limits.clients_max = 1;
  Start();
  auto first = Connect();
  first->Send("PING\r\n");
  ASSERT_TRUE(Receives(*first, "+PONG\r\n"));
  auto second = Connect();
  ASSERT_TRUE(RunUntil(loop_, [&] { return second->is_ended; }));
  EXPECT_EQ(second->received, "-ERR max number of clients reached\r\n");
  first->Close();
  // Its place is free as soon as the proxy has noticed.
  ASSERT_TRUE(RunUntil(loop_, [&] { return server_->Facts().clients == 0; }));
  auto third = Connect();
  third->Send("PING\r\n");
  EXPECT_TRUE(Receives(*third, "+PONG\r\n"));
}

TEST_F(ProxyServerTest, TooManyClientsOfOneAddress) {
  settings_.limits.clients_per_address_max = 2;
  Start();
  auto first = Connect(), second = Connect();
  for (TestClient* client : {first.get(), second.get()}) {
    client->Send("PING\r\n");
    ASSERT_TRUE(Receives(*client, "+PONG\r\n"));
  }
  ExpectAnswer("", "-ERR max number of clients of one address reached\r\n");
  EXPECT_EQ(server_->Facts().rejected, 1u);
  second->Close();
  ASSERT_TRUE(RunUntil(loop_, [&] { return server_->Facts().clients == 1; }));
  ExpectAnswer("PING\r\n", "+PONG\r\n");
}

TEST_F(ProxyServerTest, ClientsOfSomeNetworksOnly) {
  settings_.listeners[0].proxy_protocol = config::ProxyProtocol::kRequired;
  settings_.limits.networks_allowed = {"10.1.0.0/16"};
  settings_.limits.networks_denied = {"10.1.2.4"};
  Start();
  // wire: from 10.1.2.3:54321 to 192.168.0.1:6379.
  std::string header(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02\x03\xc0\xa8\0\x01\xd4\x31\x18\xeb", 28);
  ExpectAnswer(header + "PING\r\n", "+PONG\r\n");
  header[19] = 4;
  ExpectAnswer(header + "PING\r\n", "-DENIED clients of this address may not connect\r\n");
  header[17] = 2;
  ExpectAnswer(header + "PING\r\n", "-DENIED clients of this address may not connect\r\n");
  EXPECT_EQ(server_->Facts().rejected, 2u);
}

TEST_F(ProxyServerTest, EachWorkerHasItsShareOfTheClients) {
  settings_.workers = 4;
  Start();
  std::vector<std::unique_ptr<TestClient>> clients;
  auto expect_loads = [&](std::size_t load) {
    auto is_so = [&](const auto& worker) { return worker->Load() == load; };
    ASSERT_TRUE(RunUntil(loop_, [&] {
      return std::all_of(server_->Workers().begin(), server_->Workers().end(), is_so);
    }));
  };
  for (int i = 0; i < 12; ++i) clients.push_back(Connect());
  expect_loads(3);
  clients.resize(8);
  ASSERT_TRUE(RunUntil(loop_, [&] { return server_->Facts().clients == 8; }));
  for (int i = 0; i < 8; ++i) clients.push_back(Connect());
  expect_loads(4);
}

TEST_F(ProxyServerTest, AHeaderSaysWhoTheClientIs) {
  settings_.listeners[0].proxy_protocol = config::ProxyProtocol::kRequired;
  settings_.limits.clients_per_address_max = 1;
  Start();
  // wire: from 10.1.2.3:54321 to 192.168.0.1:6379.
  const std::string header(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02\x03\xc0\xa8\0\x01\xd4\x31\x18\xeb", 28);
  auto client = Connect();
  client->Send(header + "CLIENT INFO\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.find("resp=2") != std::string::npos; }));
  EXPECT_THAT(client->received, HasSubstr("addr=10.1.2.3:54321 laddr=192.168.0.1:6379 "));
  // The one place of that address is taken, its neighbour's is not.
  ExpectAnswer(header, "-ERR max number of clients of one address reached\r\n");
  std::string neighbour = header;
  neighbour[19] = '\4';
  auto next = Connect();
  next->Send(neighbour + "CLUSTER SLOTS\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return next->received.ends_with("*0\r\n"); }));
  EXPECT_THAT(next->received, HasSubstr("$11\r\n192.168.0.1\r\n:6379\r\n"));
  auto stranger = Connect();
  stranger->Send("PING\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return stranger->is_ended; }));
  EXPECT_EQ(stranger->received, "");
  auto silent = Connect();
  StopAndJoin();  // does not wait for those who owe a header
  EXPECT_TRUE(RunUntil(loop_, [&] { return silent->is_ended; }));
}

TEST_F(ProxyServerTest, HeadersHaveToComeInTime) {
  settings_.listeners[0].proxy_protocol = config::ProxyProtocol::kRequired;
  settings_.tcp.proxy_header_timeout_ms = 1;
  Start();
  auto silent = Connect();
  EXPECT_TRUE(RunUntil(loop_, [&] { return silent->is_ended; }));
  EXPECT_EQ(server_->Facts().clients, 0u);
}

TEST_F(ProxyServerTest, SettingsAreReplacedWhileItRuns) {
  Start();
  ASSERT_TRUE(BecomesReady());
  auto client = Connect();
  client->Send("PING\r\n");
  ASSERT_TRUE(Receives(*client, "+PONG\r\n"));
  config::ProxyConfig fresh = settings_;
  fresh.auth.password = "secret";
  fresh.limits.bulk_bytes_max = 2048;
  fresh.workers = 7;
  auto change = Reload(fresh);
  ASSERT_TRUE(change);
  EXPECT_THAT(change->applied, testing::ElementsAre("auth", "limits"));
  EXPECT_THAT(change->needs_restart, testing::ElementsAre("workers"));
  EXPECT_EQ(change->effective.workers, settings_.workers);
  // Who is in stays in, but the limits are the new ones.
  client->received.clear();
  client->Send("*2\r\n$4\r\nECHO\r\n$2049\r\n");
  EXPECT_TRUE(Receives(*client, "-ERR Protocol error: invalid bulk length\r\n"));
  ExpectAnswer("GET a\r\n", "-NOAUTH Authentication required.\r\n");
  ExpectAnswer("AUTH secret\r\nGET a\r\n", "+OK\r\n+OK\r\n");
}

TEST_F(ProxyServerTest, ListenersComeAndGoWhileItRuns) {
  Start();
  ASSERT_TRUE(BecomesReady());
  auto first = server_->Addresses()[0];
  auto client = Connect();
  client->Send("PING\r\n");
  ASSERT_TRUE(Receives(*client, "+PONG\r\n"));
  config::ProxyConfig fresh = settings_;
  fresh.listeners[0].mode = config::ListenerMode::kReadOnly;  // the same place
  fresh.listeners.push_back({"127.0.0.1", 0, {}});
  ASSERT_TRUE(Reload(fresh));
  ASSERT_EQ(server_->Addresses().size(), 2u);
  EXPECT_EQ(server_->Addresses()[0], first);
  ExpectAnswer("SET a 1\r\n", "-READONLY You can't write against a read only replica.\r\n");
  ExpectAnswer("SET a 1\r\n", "+OK\r\n", 1);
  client->received.clear();
  client->Send("SET a 1\r\n");  // came in before
  ASSERT_TRUE(Receives(*client, "+OK\r\n"));

  // One that cannot be opened: nothing changes, not even the others.
  config::ProxyConfig wrong = fresh;
  wrong.listeners = {{"127.0.0.1", server_->Addresses()[1].Port(), {}}, {"203.0.113.1", 1, {}}};
  auto refused = Reload(wrong);
  ASSERT_FALSE(refused);
  ExpectAnswer("SET a 1\r\n", "+OK\r\n", 1);

  fresh.listeners.erase(fresh.listeners.begin() + 1);
  ASSERT_TRUE(Reload(fresh));
  ASSERT_EQ(server_->Addresses().size(), 1u);
  EXPECT_EQ(server_->Addresses()[0], first);
}

TEST_F(ProxyServerTest, ServesOnForAGracePeriod) {
  settings_.shutdown_grace_ms = 3600000;
  Start();
  ASSERT_TRUE(BecomesReady());
  server_->Stop();
  std::string reason;
  EXPECT_FALSE(IsReady(reason));
  EXPECT_EQ(reason, "shutting down");
  ExpectAnswer("SET a 1\r\n", "+OK\r\n");
  server_->Stop();  // the second one skips the rest
  EXPECT_TRUE(HasEnded());
}

TEST_F(ProxyServerTest, IdleClientsAreCut) {
  settings_.idle_timeout_ms = 10;
  Start();
  auto client = Connect();
  EXPECT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
}

TEST_F(ProxyServerTest, WhoHoldsMostIsCutWhenAllHoldTooMuch) {
  settings_.limits.buffered_total_max_bytes = 32 << 20;
  Start();
  ASSERT_TRUE(BecomesReady());
  shard_.Answer([](const Words& words) {
    std::size_t size = words.back() == "much" ? (60u << 20) : (8u << 20);
    return fmt::format("${}\r\n{}\r\n", size, std::string(size, 'x'));
  });
  auto little = Connect(), much = Connect();
  little->StopReading();
  much->StopReading();
  little->Send("GET little\r\n");
  much->Send("GET much\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return server_->Facts().clients == 1; }));
  little->ReadOn();
  EXPECT_TRUE(RunUntil(loop_, [&] { return little->received.size() > (8u << 20); }));
}

TEST_F(ProxyServerTest, MayBeDestroyedWithoutHavingRun) {
  ProxyServer server(settings_);
  ASSERT_TRUE(server.Start());
  EXPECT_NE(server.Addresses()[0].Port(), 0);
}

TEST_F(ProxyServerTest, AnAddressThatCannotBeBoundIsAnError) {
  settings_.listeners = {{"203.0.113.1", 1, {}}};
  ProxyServer server(settings_);
  auto started = server.Start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text, HasSubstr("203.0.113.1:1"));
}

}  // namespace
}  // namespace slotway::proxy
