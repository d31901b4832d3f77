// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls_entrance.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/tls_stream.h"

namespace slotway::runtime {
namespace {

constexpr std::uint64_t kTickMs = 100;

}  // namespace

class TlsEntrance::Waiting final : private Connection::Handler {
 public:
  Waiting(TlsEntrance& entrance, std::uint64_t id, std::unique_ptr<Connection> connection,
          std::uint64_t until_ms, std::unique_ptr<Visitor> visitor)
      : entrance_(entrance),
        id_(id),
        until_ms_(until_ms),
        visitor_(std::move(visitor)),
        connection_(std::move(connection)) {
    connection_->Start(*this);
  }

  std::uint64_t UntilMs() const { return until_ms_; }
  void Pass() { visitor_->OnSecured(std::move(connection_)); }
  void TurnAway(std::string_view reason) {
    connection_.reset();
    visitor_->OnTurnedAway(reason);
  }

 private:
  std::size_t OnBytes(std::string_view) override { return 0; }
  void OnConnected() override {
    connection_->PauseReading();
    entrance_.loop_.Defer([entrance = &entrance_, id = id_] { entrance->Pass(id); });
  }
  void OnEndOfInput() override { End("left during the TLS handshake"); }
  void OnClosed(std::string_view reason) override { End(reason); }

  // Later: the connection is still on the stack.
  void End(std::string_view reason) {
    connection_->Abandon();
    entrance_.loop_.Defer([entrance = &entrance_, id = id_, reason = std::string(reason)] {
      entrance->TurnAway(id, reason);
    });
  }

  TlsEntrance& entrance_;
  std::uint64_t id_;
  std::uint64_t until_ms_;
  std::unique_ptr<Visitor> visitor_;  // may own the context: goes after the connection
  std::unique_ptr<Connection> connection_;
};

TlsEntrance::TlsEntrance(EventLoop& loop, std::size_t handshakes_max)
    : loop_(loop), handshakes_max_(handshakes_max), overdue_(loop) {}

TlsEntrance::~TlsEntrance() = default;

void TlsEntrance::Admit(std::unique_ptr<Connection> connection, const TlsContext& context,
                        std::uint64_t timeout_ms, std::unique_ptr<Visitor> visitor) {
  if (waiting_.size() >= handshakes_max_) {
    connection.reset();
    return visitor->OnTurnedAway("too many TLS handshakes are under way");
  }
  connection->Secure(TlsStream::ForServer(context));
  const std::uint64_t id = next_id_++;
  waiting_.emplace(id, std::make_unique<Waiting>(*this, id, std::move(connection),
                                                 loop_.NowMs() + timeout_ms, std::move(visitor)));
  if (!overdue_.IsActive()) overdue_.Start(kTickMs, kTickMs, [this] { CloseOverdue(); });
}

void TlsEntrance::Pass(std::uint64_t id) {
  auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  std::unique_ptr<Waiting> passed = std::move(found->second);
  waiting_.erase(found);
  passed->Pass();
}

void TlsEntrance::TurnAway(std::uint64_t id, std::string_view reason) {
  auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  std::unique_ptr<Waiting> turned_away = std::move(found->second);
  waiting_.erase(found);
  turned_away->TurnAway(reason);
}

void TlsEntrance::CloseOverdue() {
  std::vector<std::uint64_t> overdue;
  for (const auto& [id, waiting] : waiting_) {
    if (loop_.NowMs() >= waiting->UntilMs()) overdue.push_back(id);
  }
  for (std::uint64_t id : overdue) TurnAway(id, "no TLS handshake in time");
  if (waiting_.empty()) overdue_.Stop();
}

void TlsEntrance::CloseAll() {
  while (!waiting_.empty()) TurnAway(waiting_.begin()->first, "shutdown");
  overdue_.Stop();
}

}  // namespace slotway::runtime
