// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/key_waiters.h"

#include <algorithm>
#include <cassert>

#include "storage/commands/client_state.h"

namespace slotway::storage {

void KeyWaiters::Add(ClientState& client, WaitingRequest request) {
  assert(!client.is_waiting);
  // A key that is named twice is waited for once.
  std::sort(request.keys.begin(), request.keys.end());
  request.keys.erase(std::unique(request.keys.begin(), request.keys.end()), request.keys.end());
  const std::uint64_t ticket = next_ticket_++;
  for (const std::string& key : request.keys) {
    Queue& queue = queues_[request.db_index][key];
    queue.clients.emplace(ticket, &client);
    if (request.minds_absence) ++queue.minding_absence;
  }
  if (request.deadline_ms != WaitingRequest::kForever) {
    deadlines_.emplace(request.deadline_ms, ticket);
    timed_.emplace(ticket, &client);
  }
  waiters_.emplace(&client, Waiter{&client, ticket, std::move(request)});
  client.is_waiting = true;
}

void KeyWaiters::Remove(ClientState& client) {
  const auto found = waiters_.find(&client);
  if (found == waiters_.end()) return;
  const Waiter& waiter = found->second;
  const WaitingRequest& request = waiter.request;
  Queues& queues = queues_[request.db_index];
  for (const std::string& key : request.keys) {
    const auto queue = queues.find(key);
    queue->second.clients.erase(waiter.ticket);
    if (request.minds_absence) --queue->second.minding_absence;
    if (queue->second.clients.empty()) queues.erase(queue);
  }
  if (queues.empty()) queues_.erase(request.db_index);
  deadlines_.erase({request.deadline_ms, waiter.ticket});
  timed_.erase(waiter.ticket);
  waiters_.erase(found);
  client.is_waiting = false;
}

const WaitingRequest* KeyWaiters::RequestOf(const ClientState& client) const {
  const auto found = waiters_.find(&client);
  return found != waiters_.end() ? &found->second.request : nullptr;
}

std::vector<ClientState*> KeyWaiters::Clients() const {
  std::vector<ClientState*> clients;
  clients.reserve(waiters_.size());
  for (const auto& [address, waiter] : waiters_) clients.push_back(waiter.client);
  return clients;
}

std::size_t KeyWaiters::KeyCount() const {
  std::size_t count = 0;
  for (const auto& [db_index, queues] : queues_) count += queues.size();
  return count;
}

std::size_t KeyWaiters::KeysMissedCount() const {
  const auto is_missed = [](const auto& named) { return named.second.minding_absence > 0; };
  std::size_t count = 0;
  for (const auto& [db_index, queues] : queues_) {
    count += static_cast<std::size_t>(std::count_if(queues.begin(), queues.end(), is_missed));
  }
  return count;
}

// ---- Changes ----

void KeyWaiters::MarkReady(int db_index, const std::string& name, Queue& queue) {
  if (queue.is_ready) return;
  queue.is_ready = true;
  ready_.push_back({db_index, name});
}

void KeyWaiters::NoteChange(int db_index, std::string_view key) {
  const auto queues = queues_.find(db_index);
  if (queues == queues_.end()) return;
  const auto queue = queues->second.find(key);
  if (queue != queues->second.end()) MarkReady(db_index, queue->first, queue->second);
}

void KeyWaiters::NoteDatabase(int db_index) {
  const auto queues = queues_.find(db_index);
  if (queues == queues_.end()) return;
  for (auto& [name, queue] : queues->second) MarkReady(db_index, name, queue);
}

KeyWaiters::Key KeyWaiters::TakeReady() {
  Key key = std::move(ready_.front());
  ready_.pop_front();
  const auto queues = queues_.find(key.db_index);
  if (queues == queues_.end()) return key;
  const auto queue = queues->second.find(key.name);
  if (queue != queues->second.end()) queue->second.is_ready = false;
  return key;
}

const KeyWaiters::Queue* KeyWaiters::FindQueue(const Key& key) const {
  const auto queues = queues_.find(key.db_index);
  if (queues == queues_.end()) return nullptr;
  const auto queue = queues->second.find(key.name);
  return queue != queues->second.end() ? &queue->second : nullptr;
}

std::optional<KeyWaiters::Place> KeyWaiters::NextWaiting(const Key& key,
                                                         std::uint64_t behind_ticket) const {
  const Queue* queue = FindQueue(key);
  if (queue == nullptr) return std::nullopt;
  const auto next = queue->clients.upper_bound(behind_ticket);
  if (next == queue->clients.end()) return std::nullopt;
  return Place{next->first, next->second};
}

bool KeyWaiters::DoesAnyoneMindAbsence(const Key& key) const {
  const Queue* queue = FindQueue(key);
  return queue != nullptr && queue->minding_absence > 0;
}

// ---- Time ----

std::optional<std::int64_t> KeyWaiters::NextDeadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

ClientState* KeyWaiters::FindDue(std::int64_t now_ms) const {
  if (deadlines_.empty() || deadlines_.begin()->first > now_ms) return nullptr;
  return timed_.at(deadlines_.begin()->second);
}

}  // namespace slotway::storage
