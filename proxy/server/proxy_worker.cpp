// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_worker.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <utility>

#include "runtime/log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kHouseTickMs = 1000;
constexpr std::uint64_t kBoundTickMs = 100;
// wire: a constant reply, for who has no session yet.
constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";

// Tells a client that there is no room for it, and sees it out.
class RefusedClient final : private runtime::Connection::Handler {
 public:
  RefusedClient(std::unique_ptr<runtime::Connection> connection, std::string_view reply)
      : connection_(std::move(connection)) {
    connection_->Start(*this);
    connection_->Output().Append(reply);
    connection_->CloseAfterFlush();
  }

 private:
  std::size_t OnBytes(std::string_view input) override { return input.size(); }
  void OnEndOfInput() override {}
  void OnClosed(std::string_view) override {
    connection_->Loop().Defer([this] { delete this; });
  }

  std::unique_ptr<runtime::Connection> connection_;
};

}  // namespace

ProxyWorker::ProxyWorker(runtime::EventLoop& loop, WorkerShare& share, Colleagues colleagues)
    : loop_(loop),
      share_(share),
      dispatcher_(loop, share.settings, share.worker_count, share.request_refresh),
      router_(dispatcher_, share.settings, share.plans),
      services_{loop,
                share.settings,
                dispatcher_,
                router_,
                sessions_,
                std::move(colleagues),
                counters_,
                nullptr,
                share.process_facts,
                [this](ClientSession& session) { Remove(session); }},
      house_timer_(loop),
      bound_timer_(loop) {
  dispatcher_.ShareScripts(share.scripts);
  house_timer_.Start(kHouseTickMs, kHouseTickMs, [this] { KeepHouse(); });
  if (share.settings.limits.buffered_total_max_bytes > 0) {
    bound_timer_.Start(kBoundTickMs, kBoundTickMs, [this] { KeepBufferBound(); });
  }
}

ProxyWorker::~ProxyWorker() = default;

runtime::Result<std::vector<runtime::SocketAddress>> ProxyWorker::Listen(
    const std::vector<runtime::SocketAddress>& addresses) {
  std::vector<runtime::SocketAddress> bound;
  for (const runtime::SocketAddress& address : addresses) {
    runtime::Listener::Options options;
    options.backlog = static_cast<int>(share_.settings.tcp.backlog);
    options.shares_port = share_.worker_count > 1;
    auto listener = runtime::Listener::Listen(
        loop_, address, options,
        [this](std::unique_ptr<runtime::Connection> accepted) { Accept(std::move(accepted)); });
    if (!listener) return tl::unexpected<runtime::Error>(listener.error());
    bound.push_back((*listener)->Address());
    listeners_.push_back(std::move(*listener));
  }
  return bound;
}

void ProxyWorker::Accept(std::unique_ptr<runtime::Connection> connection) {
  counters_.accepted.Add();
  if (share_.clients.fetch_add(1) >= share_.settings.limits.clients_max) {
    share_.clients.fetch_sub(1);
    counters_.rejected.Add();
    new RefusedClient(std::move(connection), kTooManyClients);  // ends itself
    return;
  }
  counters_.clients.Add();
  std::uint64_t id = share_.next_client_id.fetch_add(1);
  sessions_.Add(std::make_unique<ClientSession>(std::move(connection), services_, id)).Start();
}

void ProxyWorker::Remove(ClientSession& session) {
  counters_.clients.Subtract();
  share_.clients.fetch_sub(1);
  // Later: the session is still on the stack.
  loop_.Defer([this, id = session.State().id] { sessions_.Erase(id); });
}

void ProxyWorker::KeepHouse() {
  sessions_.ForEach([](ClientSession& session) { session.Shrink(); });
  dispatcher_.Private().SweepIdle();
  if (share_.settings.idle_timeout_ms > 0) CutIdle();
}

// Above the bound those go who have most of it, until the rest fits.
void ProxyWorker::KeepBufferBound() {
  std::size_t bound = share_.settings.limits.buffered_total_max_bytes / share_.worker_count;
  std::size_t total = dispatcher_.BufferedBytes();
  std::vector<std::pair<std::size_t, ClientSession*>> holders;
  sessions_.ForEach([&](ClientSession& session) {
    std::size_t bytes = session.BufferedBytes();
    total += bytes;
    if (bytes > 0) holders.emplace_back(bytes, &session);
  });
  if (total <= bound) return;
  std::sort(holders.begin(), holders.end(), std::greater<>());
  for (auto [bytes, session] : holders) {
    session->Cut(
        fmt::format("{} bytes are buffered for it, and more than "
                    "limits.buffered_total_max_bytes for all",
                    bytes));
    total -= bytes;
    if (total <= bound) return;
  }
}

void ProxyWorker::CutIdle() {
  for (ClientSession* session : sessions_.All()) {
    if (session->IsIdle(loop_.NowMs(), share_.settings.idle_timeout_ms)) session->Cut("idle");
  }
}

// shared: every worker keeps the snapshot as long as it needs it.
void ProxyWorker::TakeTopology(std::shared_ptr<const protocol::Topology> topology) {
  dispatcher_.UpdateTopology(*topology);
  services_.topology = std::move(topology);
}

void ProxyWorker::BeginDrain() {
  listeners_.clear();
  for (ClientSession* session : sessions_.All()) session->CloseWhenAnswered();
}

void ProxyWorker::Shutdown() {
  listeners_.clear();
  house_timer_.Stop();
  bound_timer_.Stop();
  dispatcher_.Shutdown();
  for (ClientSession* session : sessions_.All()) session->Cut("shutdown");
}

}  // namespace slotway::proxy
