// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/tracking.h"

#include <utility>

#include "protocol/resp_array.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"

namespace slotway::proxy {
namespace {

using protocol::RespVersion;

// FLUSHALL makes every shard say that all is gone: the client hears it once.
constexpr std::uint64_t kFlushGatherMs = 2;

std::vector<std::string> TrackingRequest(const TrackingOptions& options, bool has_receiver) {
  std::vector<std::string> request = {"CLIENT", "TRACKING", "ON"};
  if (has_receiver) {
    request.emplace_back("REDIRECT");
    request.emplace_back(BackendGreeting::kReceiverId);
  }
  if (options.is_noloop) request.emplace_back("NOLOOP");
  if (options.is_bcast) request.emplace_back("BCAST");
  for (const std::string& prefix : options.prefixes) {
    request.emplace_back("PREFIX");
    request.push_back(prefix);
  }
  return request;
}

std::string FlushPush() {
  std::string push;
  protocol::StringSink sink{push};
  LocalWriter writer(sink, RespVersion::kResp3);
  writer.Push(2);
  writer.Bulk("invalidate");
  writer.Null();
  return push;
}

}  // namespace

Tracking::Tracking(ClientSession& session, WorkerServices& shared, TrackingOptions options)
    : session_(session),
      shared_(shared),
      options_(std::move(options)),
      ready_timer_(shared.loop),
      flush_timer_(shared.loop),
      version_(session.State().resp) {
  bool has_receiver = version_ == RespVersion::kResp2;
  OwnConnections own{*this, GreetingOf(shared.settings.backend),
                     Lane(version_, session.State().database).WithAcks(session.State().acks),
                     shared.dispatcher.BlockedNow(), options_.is_bcast};
  // Without a redirection a RESP2 client hears nothing, and nothing is to be remembered. But the
  // shards know every prefix: INFO counts them.
  is_told_ = !has_receiver || options_.redirect != 0 || options_.is_bcast;
  own.greeting.needs_receiver = has_receiver && is_told_;
  if (is_told_) own.greeting.more.push_back(TrackingRequest(options_, has_receiver));
  dispatcher_ = std::make_unique<Dispatcher>(
      shared.loop, shared.settings, shared.colleagues.count,
      [&shared] { shared.dispatcher.RequestRefresh(); }, own);
  dispatcher_->ShareScripts(shared.dispatcher.Scripts());
  dispatcher_->MeasureWith(shared.meter);
  router_ = std::make_unique<Router>(*dispatcher_, shared.settings, shared.router.Plans());
  services_.reset(new WorkerServices(shared.With(*dispatcher_, *router_)));
  shared.counters.tracking_clients.Add();
  if (shared.topology) dispatcher_->UpdateTopology(*shared.topology);
}

Tracking::~Tracking() {
  shared_.counters.tracking_clients.Subtract();
  Shutdown();
}

void Tracking::Shutdown() {
  if (std::exchange(is_shut_down_, true)) return;
  ready_timer_.Stop();
  flush_timer_.Stop();
  dispatcher_->Shutdown();
  if (on_ready_) std::exchange(on_ready_, nullptr)();
}

bool Tracking::TryChange(const TrackingOptions& options) {
  bool has_to_be_told = version_ == RespVersion::kResp3 || options.redirect != 0;
  bool is_bcast = options.is_bcast || options_.is_bcast;
  if (is_bcast || options.is_noloop != options_.is_noloop) return false;
  if (has_to_be_told && !is_told_) return false;
  options_ = options;
  is_redirect_broken_ = false;
  return true;
}

bool Tracking::TakesRequest(const protocol::CommandSpec& spec) {
  if (options_.is_noloop && !spec.IsReadonly()) return true;  // the shard has to know the writer
  bool is_remembered = options_.is_optin ? caching_ == Caching::kYes : caching_ != Caching::kNo;
  has_taken_ = has_taken_ || (is_remembered && spec.IsReadonly());
  return is_remembered;
}

// shared: every worker keeps the snapshot as long as it needs it.
void Tracking::UpdateTopology(const std::shared_ptr<const protocol::Topology>& topology) {
  if (is_shut_down_) return;
  services_->topology = topology;
  dispatcher_->UpdateTopology(*topology);
  CheckReady();
}

void Tracking::WhenReady(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  // A master that is out of reach does not keep the client waiting for longer than this.
  ready_timer_.Start(shared_.settings.backend.connect_timeout_ms, 0, [this] {
    if (on_ready_) std::exchange(on_ready_, nullptr)();
  });
  CheckReady();
}

void Tracking::CheckReady() {
  bool is_ready = !options_.is_bcast || (dispatcher_->HasTopology() &&
                                         dispatcher_->Counters().unready_masters.Get() == 0);
  if (!on_ready_ || !is_ready) return;
  ready_timer_.Stop();
  std::exchange(on_ready_, nullptr)();
}

void Tracking::OnPush(std::string_view push) {
  std::vector<std::string_view> words;
  // Nothing else is asked for on these connections.
  if (!protocol::SplitArray(push, words) || words.size() != 2) return;
  bool is_about_keys = words[1].starts_with('*');
  is_about_keys ? Tell(push) : TellFlush();
}

void Tracking::TellFlush() {
  if (flush_timer_.IsActive() || is_shut_down_) return;
  flush_timer_.Start(kFlushGatherMs, 0, [this] { Tell(FlushPush()); });
}

void Tracking::Tell(std::string_view push) {
  if (is_muted_ || session_.IsGone()) return;
  if (options_.redirect == 0) return TellInvalidation(session_, push, false);
  std::uint64_t target = options_.redirect, own = session_.State().id;
  std::size_t own_worker = shared_.colleagues.own_index;
  if (options_.redirect_worker == own_worker) {
    ClientSession* client = shared_.sessions.Find(target);
    if (client == nullptr || client->IsGone()) return NoteRedirectBroken();
    return TellInvalidation(*client, push, true);
  }
  shared_.colleagues.post(
      options_.redirect_worker,
      [target, own, own_worker, copy = std::string(push)](WorkerServices& services) {
        ClientSession* client = services.sessions.Find(target);
        if (client != nullptr && !client->IsGone()) return TellInvalidation(*client, copy, true);
        services.colleagues.post(own_worker, [own, target](WorkerServices& back) {
          ClientSession* session = back.sessions.Find(own);
          Tracking* tracking = session == nullptr ? nullptr : session->OwnTracking();
          if (tracking != nullptr && tracking->Options().redirect == target) {
            tracking->NoteRedirectBroken();
          }
        });
      });
}

void Tracking::NoteRedirectBroken() {
  is_redirect_broken_ = true;
  if (session_.IsGone() || session_.State().resp != RespVersion::kResp3) return;
  std::string push;
  protocol::StringSink sink{push};
  LocalWriter writer(sink, RespVersion::kResp3);
  writer.Push(2);
  writer.Bulk("tracking-redir-broken");
  writer.Integer(static_cast<std::int64_t>(options_.redirect));
  session_.PushInOrder(push);
}

void TellInvalidation(ClientSession& client, std::string_view push, bool is_redirected) {
  SessionCounters& counters = client.Services().counters;
  if (client.State().resp == RespVersion::kResp3) {
    counters.invalidations.Add();
    return client.PushInOrder(push);
  }
  if (!is_redirected || !client.HasSubscriptions()) return;
  std::vector<std::string_view> words;
  if (!protocol::SplitArray(push, words) || words.size() != 2) return;
  std::string message;
  protocol::StringSink sink{message};
  LocalWriter writer(sink, RespVersion::kResp2);
  writer.Array(3);
  writer.Bulk("message");
  writer.Bulk(kInvalidateChannel);
  if (words[1].starts_with('*')) {
    message += words[1];
  } else {
    writer.Null();
  }
  counters.invalidations.Add();
  client.PushInOrder(message);
}

}  // namespace slotway::proxy
