// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/private_connections.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr int kSweepsKept = 2;
// How many that are of no use any more end in one iteration of the loop.
constexpr int kEndedPerTurn = 64;

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
                                            Holder& holder, const Guise& guise) {
  if (BackendConnection* idle = TakeIdle(address, {static_cast<int>(lane.Index()), guise.name})) {
    entries_.at(idle).holder = &holder;
    return idle;
  }
  // Not End(): its last reply may be on its way through here, and its taker would take it for lost.
  if (entries_.size() >= max_ && idle_count_ > 0) Remove(*LongestIdle());
  if (entries_.size() >= max_) return nullptr;
  Node& node = FindOrAddNode(address);
  BackendGreeting greeting = greeting_;
  greeting.more.insert(greeting.more.end(), guise.requests.begin(), guise.requests.end());
  // Not make_unique: it may not see the private base.
  std::unique_ptr<BackendConnection> made(new BackendConnection(
      loop_, address, greeting, lane, *this, BackendConnection::Opening::kLater));
  BackendConnection* connection = made.get();
  Entry& entry = entries_[connection];
  entry.connection = std::move(made);
  entry.node = &node;
  entry.guise = guise.name;
  entry.holder = &holder;
  entry.waiting_place = node.waiting.insert(node.waiting.end(), connection);
  ++node.connections;
  OpenSome(node);
  return connection;
}

// The one that became idle last: the others may go the sooner.
BackendConnection* PrivateConnections::TakeIdle(const runtime::SocketAddress& address,
                                                const Kind& kind) {
  Node* node = FindNode(address);
  if (node == nullptr) return nullptr;
  const auto of_kind = node->idle.find(kind);
  if (of_kind == node->idle.end()) return nullptr;
  List& idle = of_kind->second;
  auto fitting = std::find_if(idle.rbegin(), idle.rend(),
                              [](BackendConnection* candidate) { return !candidate->IsDown(); });
  if (fitting == idle.rend()) return nullptr;
  BackendConnection* connection = *fitting;
  LeaveIdle(entries_.at(connection));
  return connection;
}

PrivateConnections::Node* PrivateConnections::FindNode(
    const runtime::SocketAddress& address) const {
  auto known = std::find_if(nodes_.begin(), nodes_.end(),
                            [&](const auto& node) { return node->address == address; });
  return known == nodes_.end() ? nullptr : known->get();
}

PrivateConnections::Node& PrivateConnections::FindOrAddNode(const runtime::SocketAddress& address) {
  if (Node* known = FindNode(address)) return *known;
  nodes_.push_back(std::make_unique<Node>());
  nodes_.back()->address = address;
  return *nodes_.back();
}

void PrivateConnections::OpenSome(Node& node) {
  while (node.opening < kOpeningMax && !node.waiting.empty()) {
    BackendConnection* connection = node.waiting.front();
    node.waiting.pop_front();
    entries_.at(connection).stage = Stage::kOpening;
    ++node.opening;
    connection->Open();
  }
}

// When it is known which of them are still wanted.
void PrivateConnections::OpenSomeLater() {
  if (std::exchange(is_opening_later_, true)) return;
  loop_.Defer([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    is_opening_later_ = false;
    for (const auto& node : nodes_) OpenSome(*node);
  });
}

void PrivateConnections::GiveBack(BackendConnection& connection) {
  Entry& entry = entries_.at(&connection);
  assert(entry.holder != nullptr);
  entry.holder = nullptr;
  entry.sweeps = 0;
  entry.idle_since = idle_ever_++;
  auto& idle = entry.node->idle[KindOf(entry)];
  entry.idle_place = idle.insert(idle.end(), &connection);
  entry.is_idle = true;
  ++idle_count_;
}

void PrivateConnections::LeaveIdle(Entry& entry) {
  if (!std::exchange(entry.is_idle, false)) return;
  const auto idle = entry.node->idle.find(KindOf(entry));
  idle->second.erase(entry.idle_place);
  if (idle->second.empty()) entry.node->idle.erase(idle);  // guises come and go
  --idle_count_;
}

BackendConnection* PrivateConnections::LongestIdle() const {
  BackendConnection* longest = nullptr;
  std::uint64_t since = idle_ever_;
  for (const auto& node : nodes_) {
    for (const auto& [kind, idle] : node->idle) {
      if (idle.empty() || entries_.at(idle.front()).idle_since >= since) continue;
      longest = idle.front();
      since = entries_.at(longest).idle_since;
    }
  }
  return longest;
}

void PrivateConnections::Retire(BackendConnection& connection) {
  entries_.at(&connection).holder = nullptr;
  loop_.Defer([this, retired = &connection, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) End(*retired);
  });
}

void PrivateConnections::Disown(BackendConnection& connection) {
  auto entry = entries_.find(&connection);
  if (entry != entries_.end()) entry->second.holder = nullptr;
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
  for (const auto& node : nodes_) {
    for (const auto& [kind, idle] : node->idle) {
      for (BackendConnection* connection : idle) ++entries_.at(connection).sweeps;
    }
  }
  EndStale();
}

void PrivateConnections::EndStale() {
  for (int ended = 0; idle_count_ > 0; ++ended) {
    BackendConnection* longest = LongestIdle();
    if (entries_.at(longest).sweeps <= kSweepsKept) return;
    if (ended == kEndedPerTurn) break;
    End(*longest);
  }
  if (idle_count_ == 0) return;
  loop_.DeferToNextTurn([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) EndStale();
  });
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
        bool is_number = answers && answers->front().kind == protocol::RespValue::Kind::kInteger;
        on_answer(is_number ? std::optional(answers->front().integer) : std::nullopt);
      });
  return true;
}

void PrivateConnections::OnReady(BackendConnection& connection) {
  auto entry = entries_.find(&connection);
  if (entry == entries_.end()) return;
  entry->second.stage = Stage::kOpen;
  --entry->second.node->opening;
  OpenSomeLater();
  if (entry->second.holder != nullptr) entry->second.holder->OnPrivateReady(connection);
}

void PrivateConnections::OnLost(InFlight& request, std::string, bool) {
  AnswerError(request, "ERR The connection to the shard was lost");
}

void PrivateConnections::OnDown(BackendConnection& connection, std::string_view reason) {
  auto entry = entries_.find(&connection);
  if (entry == entries_.end()) return;
  // Who waits for the same node would fare no better, and wait for longer.
  List hopeless;
  const bool is_the_nodes_fault = entry->second.guise.empty();
  if (entry->second.stage == Stage::kOpening && is_the_nodes_fault) {
    hopeless = entry->second.node->waiting;
  }
  Holder* holder = Remove(connection);
  if (holder != nullptr) holder->OnPrivateDown(connection, reason);
  for (BackendConnection* waiting : hopeless) {
    auto other = entries_.find(waiting);
    if (other != entries_.end() && other->second.stage == Stage::kWaiting) waiting->Fail(reason);
  }
}

void PrivateConnections::OnPush(BackendConnection& connection, std::string_view push) {
  auto entry = entries_.find(&connection);
  if (entry == entries_.end() || entry->second.holder == nullptr) return;
  entry->second.holder->OnPrivatePush(connection, push);
}

PrivateConnections::Holder* PrivateConnections::Remove(BackendConnection& connection) {
  auto found = entries_.find(&connection);
  Entry& entry = found->second;
  Holder* holder = entry.holder;
  Node* node = entry.node;
  const bool was_idle = entry.is_idle;
  LeaveIdle(entry);
  if (entry.stage == Stage::kWaiting) node->waiting.erase(entry.waiting_place);
  if (entry.stage == Stage::kOpening) --node->opening;
  // std::function wants something to copy; the deferred call is the only owner.
  auto destroy = [dying = entry.connection.release()] { delete dying; };
  // One that was idle may still have something to say, which must find us; the others are down.
  was_idle ? loop_.Defer(destroy) : loop_.DeferEnd(destroy);
  entries_.erase(found);
  if (--node->connections == 0) {
    std::erase_if(nodes_, [node](const auto& one) { return one.get() == node; });
  } else if (!node->waiting.empty()) {
    OpenSomeLater();
  }
  return holder;
}

}  // namespace slotway::proxy
