// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/tracking_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

// What a prefix takes beside its text: a string of the client's, a node of the table.
constexpr std::size_t kPrefixBytes = 160;

}  // namespace

void TrackingTable::Start(ClientState& client, protocol::TrackingOptions options) {
  if (!client.tracking) {
    client.tracking = std::make_unique<ClientTracking>();
    client.Set(ClientWay::kTracking);
    ++clients_;
  }
  if (options.is_bcast && options.prefixes.empty()) options.prefixes = {""};
  std::vector<std::string> all = std::exchange(client.tracking->options.prefixes, {});
  for (std::string& prefix : options.prefixes) {
    if (std::find(all.begin(), all.end(), prefix) != all.end()) continue;
    prefixes_[prefix].clients.push_back(&client);
    client.tracking->prefix_bytes += prefix.size() + kPrefixBytes;
    all.push_back(std::move(prefix));
  }
  options.prefixes = std::move(all);
  client.tracking->options = std::move(options);
  client.tracking->is_redirect_broken = false;
}

void TrackingTable::Stop(ClientState& client) {
  if (!client.tracking) return;
  for (const std::string& prefix : client.tracking->options.prefixes) {
    const auto found = prefixes_.find(prefix);
    std::erase(found->second.clients, &client);
    if (found->second.clients.empty()) prefixes_.erase(found);
  }
  client.tracking.reset();
  client.Clear(ClientWay::kTracking);
  --clients_;
}

void TrackingTable::AddReader(std::string_view key, std::uint64_t client_id) {
  auto found = readers_.find(key);
  if (found == readers_.end()) {
    found = readers_.emplace(std::string(key), std::vector<std::uint64_t>()).first;
  }
  std::vector<std::uint64_t>& ids = found->second;
  const auto place = std::lower_bound(ids.begin(), ids.end(), client_id);
  if (place != ids.end() && *place == client_id) return;
  ids.insert(place, client_id);
  ++reader_count_;
}

std::vector<std::uint64_t> TrackingTable::TakeReaders(std::string_view key) {
  const auto found = readers_.find(key);
  if (found == readers_.end()) return {};
  std::vector<std::uint64_t> ids = std::move(found->second);
  readers_.erase(found);
  reader_count_ -= ids.size();
  return ids;
}

void TrackingTable::ForgetAllReaders() {
  readers_.clear();
  reader_count_ = 0;
}

void TrackingTable::NoteChange(std::string_view key, std::uint64_t changed_by) {
  for (auto& [prefix, listeners] : prefixes_) {
    if (!key.starts_with(prefix)) continue;
    listeners.changed.insert_or_assign(std::string(key), changed_by);
    has_broadcast_ = true;
  }
}

}  // namespace slotway::storage
