// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_header_gate.h"

#include <utility>
#include <vector>

#include "runtime/log.h"
#include "runtime/proxy_header.h"

namespace slotway::proxy {

class ProxyHeaderGate::Waiting final : private runtime::Connection::Handler {
 public:
  Waiting(ProxyHeaderGate& gate, std::uint64_t id, std::unique_ptr<runtime::Connection> connection,
          ClientOrigin origin)
      : gate_(gate),
        id_(id),
        since_ms_(gate.loop_.NowMs()),
        connection_(std::move(connection)),
        origin_(std::move(origin)) {
    connection_->Start(*this);
  }

  std::uint64_t SinceMs() const { return since_ms_; }
  std::string PeerText() const { return connection_->PeerAddress().ToString(); }
  std::unique_ptr<runtime::Connection> TakeConnection() { return std::move(connection_); }
  ClientOrigin TakeOrigin() { return std::move(origin_); }

 private:
  std::size_t OnBytes(std::string_view input) override {
    runtime::ProxyHeader header;
    switch (runtime::ParseProxyHeader(input, header)) {
      case runtime::ProxyHeaderStatus::kIncomplete:
        return 0;
      case runtime::ProxyHeaderStatus::kMalformed:
        End("sends no header of the PROXY protocol, version 2", true);
        return input.size();
      case runtime::ProxyHeaderStatus::kComplete:
        break;
    }
    if (header.has_addresses) {
      origin_.forwarded =
          std::make_unique<const ForwardedEnds>(ForwardedEnds{header.source, header.destination});
    }
    connection_->PauseReading();
    gate_.loop_.Defer([gate = &gate_, id = id_] { gate->Pass(id); });
    return header.size;
  }
  void OnEndOfInput() override { End("left before the header of the PROXY protocol", false); }
  void OnClosed(std::string_view reason) override { End(reason, false); }

  // Later: the connection is still on the stack.
  void End(std::string_view reason, bool is_malformed) {
    connection_->Abandon();
    gate_.loop_.Defer([gate = &gate_, id = id_, reason = std::string(reason), is_malformed] {
      gate->TurnAway(id, reason, is_malformed);
    });
  }

  ProxyHeaderGate& gate_;
  std::uint64_t id_;
  std::uint64_t since_ms_;
  std::unique_ptr<runtime::Connection> connection_;
  ClientOrigin origin_;
};

ProxyHeaderGate::ProxyHeaderGate(runtime::EventLoop& loop, OnPassed on_passed,
                                 OnTurnedAway on_turned_away)
    : loop_(loop),
      on_passed_(std::move(on_passed)),
      on_turned_away_(std::move(on_turned_away)) {}

ProxyHeaderGate::~ProxyHeaderGate() = default;

void ProxyHeaderGate::Admit(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin) {
  std::uint64_t id = next_id_++;
  waiting_.emplace(
      id, std::make_unique<Waiting>(*this, id, std::move(connection), std::move(origin)));
}

void ProxyHeaderGate::Pass(std::uint64_t id) {
  auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  std::unique_ptr<Waiting> passed = std::move(found->second);
  waiting_.erase(found);
  on_passed_(passed->TakeConnection(), passed->TakeOrigin());
}

void ProxyHeaderGate::TurnAway(std::uint64_t id, std::string_view reason, bool is_malformed) {
  auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  runtime::LogDebug("{} turned away: {}", found->second->PeerText(), reason);
  waiting_.erase(found);
  on_turned_away_(is_malformed);
}

void ProxyHeaderGate::CloseOverdue(std::uint64_t timeout_ms) {
  std::vector<std::uint64_t> overdue;
  for (const auto& [id, waiting] : waiting_) {
    if (loop_.NowMs() - waiting->SinceMs() > timeout_ms) overdue.push_back(id);
  }
  for (std::uint64_t id : overdue) TurnAway(id, "no header of the PROXY protocol in time", false);
}

void ProxyHeaderGate::CloseAll() {
  while (!waiting_.empty()) TurnAway(waiting_.begin()->first, "shutdown", false);
}

}  // namespace slotway::proxy
