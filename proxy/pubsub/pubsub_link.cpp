// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/pubsub_link.h"

#include <utility>

#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

constexpr std::size_t kTopicsPerRequest = 256;
constexpr Lane kLinkLane(protocol::RespVersion::kResp3);

}  // namespace

PubsubLink::PubsubLink(runtime::EventLoop& loop, const runtime::SocketAddress& address,
                       const BackendGreeting& greeting, Owner& owner)
    : loop_(loop),
      owner_(owner),
      connection_(loop, address, greeting, kLinkLane, *this),
      began_ms_(loop.NowMs()) {}

PubsubLink::~PubsubLink() = default;

void PubsubLink::Add(Topic& topic, bool is_join) {
  if (unsent_.empty()) {
    loop_.Defer([this, alive = std::weak_ptr<char>(alive_)] {
      if (!alive.expired()) SendAsked();
    });
  }
  bool fits = false;
  if (!unsent_.empty()) {
    const Ask& last = unsent_.back();
    fits = last.kind == topic.kind && last.is_join == is_join && !last.is_alone &&
           !topic.is_alone && last.slot == topic.slot && last.topics.size() < kTopicsPerRequest;
  }
  if (!fits) unsent_.push_back({topic.kind, is_join, topic.is_alone, topic.slot, {}, {}});
  unsent_.back().topics.push_back(&topic);
}

void PubsubLink::SendAsked() {
  if (IsDown()) return;
  std::string bytes;
  std::vector<std::string_view> args;
  for (Ask& ask : unsent_) {
    const TopicWords& words = WordsOf(ask.kind);
    args.assign(1, ask.is_join ? words.join : words.leave);
    for (const Topic* topic : ask.topics) args.push_back(topic->name);
    bytes.clear();
    protocol::StringSink sink{bytes};
    protocol::WriteRequest(sink, std::span<const std::string_view>(args));
    connection_.SendFenced(bytes);
    asked_.push_back(std::move(ask));
  }
  unsent_.clear();
}

bool PubsubLink::OnErrorReply(BackendConnection&, InFlight& request, std::string_view reply) {
  if (request.kind != InFlight::Kind::kFenced) return false;
  asked_.front().error = reply;
  return true;
}

void PubsubLink::OnFence(BackendConnection&) {
  Ask ask = std::move(asked_.front());
  asked_.pop_front();
  owner_.OnAnswered(*this, ask);
}

void PubsubLink::OnDown(BackendConnection&, std::string_view reason) {
  unsent_.clear();
  asked_.clear();
  owner_.OnLinkDown(*this, reason);
}

void PubsubLink::Care(const config::BackendConfig& settings) {
  if (IsDown()) return;
  // Connecting has a bound of its own; a node that accepts and says nothing has not.
  if (!IsReady() && loop_.NowMs() - began_ms_ > 2 * settings.connect_timeout_ms) {
    return Fail("the shard did not answer the login in time");
  }
  connection_.FailIfStalled(settings.response_timeout_ms);
  if (!IsDown()) connection_.CareIfIdle(settings.ping_interval_ms);
}

}  // namespace slotway::proxy
