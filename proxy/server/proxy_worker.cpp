// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_worker.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "config/network.h"
#include "proxy/client/user_rights.h"
#include "runtime/log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kHouseTickMs = 1000;
constexpr std::uint64_t kDrainTickMs = 5;
// When the process is to end: in the first half of the time there is no haste.
constexpr std::uint64_t kPatiencePart = 2;
constexpr std::uint64_t kBoundTickMs = 100;
// wire: constant replies, for who has no session yet.
constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kTooManyOfAddress =
    "-ERR max number of clients of one address reached\r\n";  // wire: as above

constexpr std::string_view kUnwelcome =
    "-DENIED clients of this address may not connect\r\n";  // wire: as above

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

// Whom the header of the PROXY protocol names, or else who has connected.
runtime::SocketAddress PeerOf(const runtime::Connection& connection, const ClientOrigin& origin) {
  return origin.forwarded != nullptr ? origin.forwarded->client : connection.PeerAddress();
}

std::size_t HandshakesMaxOf(const config::LimitsConfig& limits, std::size_t worker_count) {
  return std::max<std::size_t>(limits.handshakes_max / worker_count, 1);
}

}  // namespace

class ProxyWorker::TlsVisitor final : public runtime::TlsEntrance::Visitor {
 public:
  TlsVisitor(ProxyWorker& worker, ClientOrigin origin, const runtime::SocketAddress& peer)
      : worker_(worker), origin_(std::move(origin)), peer_(peer) {}

 private:
  void OnSecured(std::unique_ptr<runtime::Connection> connection) override {
    worker_.counters_.handshakes.Add();
    worker_.AddClient(std::move(connection), std::move(origin_));
  }
  void OnTurnedAway(std::string_view reason) override {
    worker_.intruders_.Note(peer_, reason);
    worker_.counters_.failed_handshakes.Add();
    worker_.ForgetClient();
  }

  ProxyWorker& worker_;
  ClientOrigin origin_;  // keeps the listener's TLS context
  runtime::SocketAddress peer_;
};

ProxyWorker::ProxyWorker(runtime::EventLoop& loop, WorkerShare& share,
                         const config::ProxyConfig& settings, Colleagues colleagues)
    : loop_(loop),
      share_(share),
      settings_(settings),
      dispatcher_(loop, settings_, share.worker_count, share.request_refresh),
      router_(dispatcher_, settings_, share.plans),
      pubsub_(loop, settings_, dispatcher_,
              {colleagues.own_index, colleagues.count,
               [this](PubsubCensus::News news) { BroadcastNews(news); }}),
      meter_(*share.meters[colleagues.own_index]),
      services_{loop,
                settings_,
                share.book,
                share.audit,
                dispatcher_,
                router_,
                pubsub_,
                sessions_,
                std::move(colleagues),
                counters_,
                meter_,
                share.meters,
                nullptr,
                share.process_facts,
                [this](ClientSession& session) { Remove(session); },
                share.request_commands},
      gate_(
          loop,
          [this](std::unique_ptr<runtime::Connection> connection, ClientOrigin origin) {
            Welcome(std::move(connection), std::move(origin));
          },
          [this](bool is_malformed) {
            if (is_malformed) counters_.protocol_errors.Add();
            ForgetClient();
          }),
      entrance_(loop, HandshakesMaxOf(settings_.limits, share.worker_count)),
      house_timer_(loop),
      bound_timer_(loop),
      drain_timer_(loop) {
  dispatcher_.ShareScripts(share.scripts);
  meter_.Apply(settings_, share.worker_count);
  dispatcher_.MeasureWith(meter_);
  house_timer_.Start(kHouseTickMs, kHouseTickMs, [this] { KeepHouse(); });
  bound_timer_.Start(kBoundTickMs, kBoundTickMs, [this] { KeepBufferBound(); });
}

ProxyWorker::~ProxyWorker() = default;

void ProxyWorker::Assign(runtime::OwnedFd accepted, const FrontDoor::Listener& listener) {
  load_.fetch_add(1, std::memory_order_relaxed);
  loop_.Post([this, fd = accepted.Release(), listener] {
    Accept(runtime::OwnedFd(fd), listener);
  });
}

void ProxyWorker::Accept(runtime::OwnedFd accepted, FrontDoor::Listener listener) {
  counters_.accepted.Add();
  bool has_room = share_.clients.fetch_add(1) < settings_.limits.clients_max;
  auto connection =
      runtime::Connection::Adopt(loop_, std::move(accepted), runtime::FlushStage::kDownstream);
  if (!connection) return ForgetClient();
  if (!has_room) return TurnAway(std::move(*connection), *listener, kTooManyClients);
  ClientOrigin origin{std::move(listener)};
  if (origin.listener->proxy_protocol == config::ProxyProtocol::kRequired) {
    gate_.Admit(std::move(*connection), std::move(origin));
  } else {
    Welcome(std::move(*connection), std::move(origin));
  }
}

// Before TLS has begun: who expects it cannot be told.
void ProxyWorker::TurnAway(std::unique_ptr<runtime::Connection> connection,
                           const config::ListenerConfig& listener, std::string_view reply) {
  if (!listener.tls.is_enabled) return Refuse(std::move(connection), reply);
  counters_.rejected.Add();
  ForgetClient();
}

void ProxyWorker::Welcome(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin) {
  const runtime::SocketAddress peer = PeerOf(*connection, origin);
  const config::LimitsConfig& limits = settings_.limits;
  if (!peer.IsUnix() &&
      !config::IsWelcome(limits.networks_allowed, limits.networks_denied, peer.Host())) {
    return TurnAway(std::move(connection), *origin.listener, kUnwelcome);
  }
  const config::ListenerTls& tls = origin.listener->tls;
  if (!tls.is_enabled) return AddClient(std::move(connection), std::move(origin));
  entrance_.Admit(std::move(connection), *tls.opened.context, tls.handshake_timeout_ms,
                  std::make_unique<TlsVisitor>(*this, std::move(origin), peer));
}

void ProxyWorker::AddClient(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin) {
  const runtime::SocketAddress peer = PeerOf(*connection, origin);
  std::string host = peer.IsUnix() ? std::string() : peer.Host();
  if (!host.empty() && !share_.addresses.Add(host, settings_.limits.clients_per_address_max)) {
    return Refuse(std::move(connection), kTooManyOfAddress);
  }
  counters_.clients.Add();
  std::uint64_t id = share_.next_client_id.fetch_add(1);
  origin.counted_host = std::move(host);
  sessions_
      .Add(std::make_unique<ClientSession>(std::move(connection), services_, id,
                                           std::move(origin)))
      .Start();
  CutStrangers();
}

// So that a crowd that never logs in cannot take the room of those who do.
void ProxyWorker::CutStrangers() {
  const std::size_t max =
      std::max<std::size_t>(settings_.limits.unauthenticated_max / share_.worker_count, 1);
  while (const auto id = services_.strangers.Superfluous(max)) {
    CutStranger(*id);
  }
}

void ProxyWorker::CutStranger(std::uint64_t id) {
  services_.strangers.Remove(id);
  counters_.strangers_cut.Add();
  ClientSession* session = sessions_.Find(id);
  if (session == nullptr) return;
  intruders_.Note(session->PeerAddress(), "has not logged in, in time or before others came");
  session->Cut("has not logged in", false);
}

void ProxyWorker::Refuse(std::unique_ptr<runtime::Connection> connection, std::string_view reply) {
  counters_.rejected.Add();
  ForgetClient();
  new RefusedClient(std::move(connection), reply);  // ends itself
}

void ProxyWorker::ForgetClient() {
  share_.clients.fetch_sub(1);
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void ProxyWorker::Remove(ClientSession& session) {
  counters_.clients.Subtract();
  ForgetClient();
  if (!session.CountedHost().empty()) share_.addresses.Remove(session.CountedHost());
  // Later: the session is still on the stack.
  loop_.Defer([this, id = session.State().id] { sessions_.Erase(id); });
}

void ProxyWorker::TakeSettings(const config::ProxyConfig& settings) {
  settings_ = settings;
  dispatcher_.ApplySettings();
  meter_.Apply(settings_, share_.worker_count);
  services_.guises.clear();  // they depend on backend.password
  entrance_.SetHandshakesMax(HandshakesMaxOf(settings_.limits, share_.worker_count));
  TakeUsers(services_, share_.book.Current());
  sessions_.ForEach([](ClientSession& session) { session.ApplySettings(); });
}

void ProxyWorker::KeepHouse() {
  intruders_.Tell();
  gate_.CloseOverdue(settings_.tcp.proxy_header_timeout_ms);
  sessions_.ForEach([](ClientSession& session) { session.Shrink(); });
  dispatcher_.Private().SweepIdle();
  if (settings_.idle_timeout_ms > 0) CutIdle();
  const std::uint64_t timeout_ms = settings_.limits.authenticate_timeout_ms;
  if (timeout_ms == 0) return;
  for (const std::uint64_t id : services_.strangers.Overdue(loop_.NowMs(), timeout_ms)) {
    CutStranger(id);
  }
}

// Above the bound those go who have most of it, until the rest fits; who asked for NO-EVICT last.
void ProxyWorker::KeepBufferBound() {
  std::size_t bound = settings_.limits.buffered_total_max_bytes / share_.worker_count;
  std::size_t total = dispatcher_.BufferedBytes();
  std::vector<std::pair<std::size_t, ClientSession*>> holders;
  sessions_.ForEach([&](ClientSession& session) {
    std::size_t bytes = session.BufferedBytes();
    total += bytes;
    if (bytes > 0) holders.emplace_back(bytes, &session);
  });
  meter_.buffered_bytes.Set(total);
  if (settings_.limits.buffered_total_max_bytes == 0 || total <= bound) return;
  auto goes_first = [](const auto& a, const auto& b) {
    bool is_a_spared = a.second->State().is_no_evict;
    if (is_a_spared != b.second->State().is_no_evict) return !is_a_spared;
    return a.first > b.first;
  };
  std::sort(holders.begin(), holders.end(), goes_first);
  for (auto [bytes, session] : holders) {
    session->Cut(
        fmt::format("{} bytes are buffered for it, and more than "
                    "limits.buffered_total_max_bytes for all",
                    bytes));
    total -= bytes;
    if (total <= bound) return;
  }
}

void ProxyWorker::BroadcastNews(const PubsubCensus::News& news) {
  const Colleagues& colleagues = services_.colleagues;
  for (std::size_t i = 0; i < colleagues.count; ++i) {
    if (i == colleagues.own_index) continue;
    colleagues.post(i, [news](WorkerServices& services) { services.pubsub.TakeNews(news); });
  }
}

void ProxyWorker::CutIdle() {
  for (ClientSession* session : sessions_.All()) {
    if (session->IsIdle(loop_.NowMs(), settings_.idle_timeout_ms)) session->Cut("idle");
  }
}

// shared: every worker keeps the snapshot as long as it needs it.
void ProxyWorker::TakeTopology(std::shared_ptr<const protocol::Topology> topology) {
  dispatcher_.UpdateTopology(*topology);
  pubsub_.UpdateTopology(*topology);
  services_.topology = std::move(topology);
  sessions_.ForEach([this](ClientSession& session) {
    session.UpdateTopology(services_.topology);
  });
}

void ProxyWorker::BeginDrain() {
  drain_began_at_ms_ = loop_.NowMs();
  drain_timer_.Start(kDrainTickMs, kDrainTickMs, [this] { LetClientsGo(); });
  LetClientsGo();
}

// Also those who have come in only since then.
void ProxyWorker::LetClientsGo() {
  const bool is_last_call =
      loop_.NowMs() - drain_began_at_ms_ >= settings_.shutdown_drain_ms / kPatiencePart;
  if (is_last_call) {
    gate_.CloseAll();
    entrance_.CloseAll();
  }
  for (ClientSession* session : sessions_.All()) session->TakeLeave(is_last_call);
}

void ProxyWorker::Shutdown() {
  gate_.CloseAll();
  entrance_.CloseAll();
  house_timer_.Stop();
  bound_timer_.Stop();
  drain_timer_.Stop();
  dispatcher_.Shutdown();
  pubsub_.Shutdown();
  for (ClientSession* session : sessions_.All()) session->Cut("shutdown");
}

}  // namespace slotway::proxy
