// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/nested_requests.h"

#include <utility>

#include "proxy/client/client_session.h"

namespace slotway::proxy {

protocol::RequestLimits LimitsOfNested(const config::LimitsConfig& limits) {
  protocol::RequestLimits nested;
  nested.bulk_bytes_max = static_cast<std::int64_t>(limits.bulk_bytes_max);
  nested.args_max = limits.args_max;
  return nested;
}

NestedRequests::NestedRequests(ClientSession& session, std::function<void()> on_answered)
    : session_(session),
      on_answered_(std::move(on_answered)),
      replies_(*this, session.Services().settings.limits.client_output_max_bytes) {
  replies_.Capture(reply_);
  replies_.NotifyProgress(true);
  parser_.SetLimits(LimitsOfNested(session.Services().settings.limits));
}

bool NestedRequests::Perform(std::string_view bytes, const protocol::CommandSpec& spec,
                             protocol::CommandId id) {
  // It has been taken before, within the client's limits.
  (void)parser_.Parse(bytes);
  session_.PerformNested({parser_.Args(), bytes, &spec, id}, replies_);
  is_waiting_ = !IsAnswered();
  return !is_waiting_;
}

std::string NestedRequests::TakeReply() {
  std::string reply;
  reply.swap(reply_);
  // CLIENT REPLY OFF and the like say nothing: an element has to stand here all the same.
  return reply.empty() ? "+OK\r\n" : reply;  // wire: a constant reply
}

// Later: who answers is still using the queue.
void NestedRequests::OnReplyProgress() {
  if (!is_waiting_ || !IsAnswered()) return;
  is_waiting_ = false;
  session_.Services().loop.Defer(on_answered_);
}

ClientFacts NestedRequests::Describe() const { return session_.Describe(); }

void NestedRequests::OnOutputUnusable(std::string_view reason) {
  replies_.Detach();
  session_.Cut(reason);
}

}  // namespace slotway::proxy
