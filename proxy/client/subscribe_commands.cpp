// SPDX-License-Identifier: Apache-2.0
// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and what undoes them.
#include <array>
#include <string>

#include "proxy/client/client_session.h"
#include "proxy/pubsub/pubsub_hub.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kTooMany =
    "ERR too many subscriptions: limits.subscriptions_per_client_max of the proxy is reached";

// Confirmations are no replies: CLIENT REPLY OFF and SKIP do not concern them.
PubsubHub::Answer OpenLoudPlace(ClientSession& session) {
  SessionState& state = session.State();
  if (state.reply_mode == ReplyMode::kSkipNext) state.reply_mode = ReplyMode::kOn;
  return {session.Replies(), session.Replies().Open()};
}

template <TopicKind kKind>
void Join(LocalCall& call) {
  const WorkerServices& services = call.session.Services();
  Subscriber& subscriber = call.session.Subscriptions();
  auto names = call.args.subspan(1);
  std::size_t total = subscriber.Total() + services.pubsub.CountNew(subscriber, kKind, names);
  if (total > services.settings.limits.subscriptions_per_client_max) {
    return call.reply.Error(kTooMany);
  }
  services.pubsub.Subscribe(subscriber, kKind, names, OpenLoudPlace(call.session));
}

template <TopicKind kKind>
void Leave(LocalCall& call) {
  call.session.Services().pubsub.Unsubscribe(call.session.Subscriptions(), kKind,
                                             call.args.subspan(1), OpenLoudPlace(call.session));
}

constexpr std::array kCommands = {
    LocalCommand{"subscribe", Join<TopicKind::kChannel>, true, InTransaction::kQueued, true},
    LocalCommand{"unsubscribe", Leave<TopicKind::kChannel>, true, InTransaction::kQueued, true},
    LocalCommand{"psubscribe", Join<TopicKind::kPattern>, true, InTransaction::kQueued, true},
    LocalCommand{"punsubscribe", Leave<TopicKind::kPattern>, true, InTransaction::kQueued, true},
    LocalCommand{"ssubscribe", Join<TopicKind::kShard>, true, InTransaction::kQueued, true},
    LocalCommand{"sunsubscribe", Leave<TopicKind::kShard>, true, InTransaction::kQueued, true},
};

}  // namespace

std::span<const LocalCommand> SubscribeCommands() { return kCommands; }

}  // namespace slotway::proxy
