// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/private_connections.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr int kSweepsKept = 2;

BackendGreeting WithId(BackendGreeting greeting) {
  greeting.wants_id = true;
  return greeting;
}

}  // namespace

PrivateConnections::PrivateConnections(runtime::EventLoop& loop, BackendGreeting greeting,
                                       std::size_t max)
    : loop_(loop), greeting_(WithId(std::move(greeting))), max_(max) {}

PrivateConnections::~PrivateConnections() = default;

BackendConnection* PrivateConnections::Take(const runtime::SocketAddress& address, Lane lane,
                                            Holder& holder) {
  auto fitting = std::find_if(idle_.begin(), idle_.end(), [&](BackendConnection* idle) {
    return idle->OwnLane() == lane && idle->Address() == address && !idle->IsDown();
  });
  if (fitting != idle_.end()) {
    BackendConnection* connection = *fitting;
    idle_.erase(fitting);
    entries_[connection].holder = &holder;
    return connection;
  }
  // Not End(): its last reply may be on its way through here, and its taker would take it for lost.
  if (entries_.size() >= max_ && !idle_.empty()) Remove(*idle_.front());
  if (entries_.size() >= max_) return nullptr;
  // Not make_unique: it may not see the private base.
  std::unique_ptr<BackendConnection> made(
      new BackendConnection(loop_, address, greeting_, lane, *this));
  BackendConnection* connection = made.get();
  entries_[connection] = {std::move(made), &holder, 0};
  return connection;
}

void PrivateConnections::GiveBack(BackendConnection& connection) {
  Entry& entry = entries_.at(&connection);
  assert(entry.holder != nullptr);
  entry.holder = nullptr;
  entry.sweeps = 0;
  idle_.push_back(&connection);
}

void PrivateConnections::Retire(BackendConnection& connection) {
  entries_.at(&connection).holder = nullptr;
  loop_.Defer([this, retired = &connection] { End(*retired); });
}

void PrivateConnections::End(BackendConnection& connection) {
  if (!entries_.contains(&connection)) return;
  Remove(connection);
  connection.Fail("no longer needed");
}

void PrivateConnections::DropNode(const runtime::SocketAddress& address, std::string_view reason) {
  std::vector<BackendConnection*> dropped;
  for (auto& [key, entry] : entries_) {
    if (entry.connection->Address() == address) dropped.push_back(entry.connection.get());
  }
  for (BackendConnection* connection : dropped) {
    // One may have ended while its neighbours were told.
    if (entries_.contains(connection)) connection->Fail(reason);
  }
}

void PrivateConnections::SweepIdle() {
  std::vector<BackendConnection*> stale;
  for (BackendConnection* connection : idle_) {
    if (++entries_.at(connection).sweeps > kSweepsKept) stale.push_back(connection);
  }
  for (BackendConnection* connection : stale) End(*connection);
}

void PrivateConnections::Shutdown() {
  max_ = 0;
  queries_.clear();
  while (!entries_.empty()) entries_.begin()->second.connection->Fail("the proxy is shutting down");
}

bool PrivateConnections::Ask(const runtime::SocketAddress& address, std::vector<std::string> args,
                             std::uint64_t timeout_ms,
                             std::function<void(std::optional<std::int64_t>)> on_answer) {
  if (queries_.size() >= max_) return false;
  auto place = queries_.emplace(queries_.end());
  *place = std::make_unique<ControlQuery>(
      loop_, address, greeting_.login, Questions{std::move(args)}, timeout_ms,
      [this, place, on_answer = std::move(on_answer)](auto answers) {
        auto asked = std::move(*place);  // destroyed when this returns
        queries_.erase(place);
        bool is_number =
            answers && answers->front().kind == protocol::RespValue::Kind::kInteger;
        on_answer(is_number ? std::optional(answers->front().integer) : std::nullopt);
      });
  return true;
}

void PrivateConnections::OnReady(BackendConnection& connection) {
  auto entry = entries_.find(&connection);
  if (entry == entries_.end() || entry->second.holder == nullptr) return;
  entry->second.holder->OnPrivateReady(connection);
}

void PrivateConnections::OnLost(InFlight& request, std::string, bool) {
  AnswerError(request, "ERR The connection to the shard was lost");
}

void PrivateConnections::OnDown(BackendConnection& connection, std::string_view reason) {
  if (!entries_.contains(&connection)) return;
  Holder* holder = Remove(connection);
  if (holder != nullptr) holder->OnPrivateDown(connection, reason);
}

void PrivateConnections::OnPush(BackendConnection& connection, std::string_view push) {
  auto entry = entries_.find(&connection);
  if (entry == entries_.end() || entry->second.holder == nullptr) return;
  entry->second.holder->OnPrivatePush(connection, push);
}

PrivateConnections::Holder* PrivateConnections::Remove(BackendConnection& connection) {
  auto entry = entries_.find(&connection);
  Holder* holder = entry->second.holder;
  if (holder == nullptr) std::erase(idle_, &connection);
  // std::function wants something to copy; the deferred call is the only owner.
  loop_.Defer([dying = entry->second.connection.release()] { delete dying; });
  entries_.erase(entry);
  return holder;
}

}  // namespace slotway::proxy
