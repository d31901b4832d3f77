// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/incoming_data.h"

#include <algorithm>
#include <utility>

#include "storage/commands/invalidation.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/snapshot_runner.h"

namespace slotway::storage {

Keyspace& IncomingData::Database(int index) {
  auto& database = databases_[index];
  if (!database) database = server_.NewDatabase(index);
  return *database;
}

void IncomingData::TakePlace() {
  for (int i = 0; i < server_.DatabaseCount(); ++i) {
    if (server_.DatabaseIfUsed(i) == nullptr && !databases_.contains(i)) continue;
    Database(i);
    server_.ReplaceDatabase(i, databases_[i]);
  }
  server_.own_keys.Forget();
  InvalidateAll(server_);
  Drop();
}

void IncomingData::Drop() {
  for (auto& [index, database] : databases_) FreeLater(std::move(database));
  databases_.clear();
}

void IncomingData::FreeLater(std::unique_ptr<Keyspace> database) {
  database->FlushAll();
  left_.push_back(std::move(database));
}

bool IncomingData::FreeSome(std::size_t max_entries) {
  if (left_.empty()) return false;
  Keyspace& database = *left_.front();
  const bool has_more = database.FreeFlushed(max_entries);
  server_.stats.lazyfreed_objects += database.TakeFreedCount();
  if (has_more) return true;
  // A snapshot that began with it keeps a place in it.
  if (server_.snapshots != nullptr && server_.snapshots->IsBusy()) {
    std::rotate(left_.begin(), left_.begin() + 1, left_.end());
    return PendingFrees() > 0;
  }
  left_.pop_front();
  return !left_.empty();
}

std::size_t IncomingData::PendingFrees() const {
  std::size_t count = 0;
  for (const auto& database : left_) count += database->PendingFrees();
  return count;
}

std::size_t IncomingData::Bytes() const {
  std::size_t bytes = 0;
  for (const auto& [index, database] : databases_) bytes += database->Memory().Total();
  for (const auto& database : left_) bytes += database->Memory().Total();
  return bytes;
}

}  // namespace slotway::storage
