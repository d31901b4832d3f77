// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/pubsub_channels.h"

#include <utility>

#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

// What a subscription takes beside the channel's name: places, a node and a cell of their table.
constexpr std::size_t kSubscriptionBytes = 64;

}  // namespace

std::vector<std::string> Subscriptions::Names(ChannelKind kind) const {
  std::vector<std::string> names;
  for (const auto& [channel, place] : places_[static_cast<std::size_t>(kind)]) {
    names.push_back(channel->name);
  }
  return names;
}

bool PubsubChannels::Join(ClientState& client, ChannelKind kind, std::string_view name) {
  if (!client.subscriptions) client.subscriptions = std::make_unique<Subscriptions>();
  Channels& channels = Of(kind);
  auto found = channels.find(name);
  if (found == channels.end()) {
    auto made = std::make_unique<PubsubChannel>(PubsubChannel{kind, std::string(name), {}});
    found = channels.emplace(std::string(name), std::move(made)).first;
  }
  PubsubChannel& channel = *found->second;
  auto& places = client.subscriptions->places_[static_cast<std::size_t>(kind)];
  if (!places.emplace(&channel, channel.members.size()).second) return false;
  channel.members.push_back(&client);
  client.subscriptions->bytes_ += name.size() + kSubscriptionBytes;
  client.Set(ClientWay::kSubscribed);
  return true;
}

bool PubsubChannels::Leave(ClientState& client, ChannelKind kind, std::string_view name) {
  const auto found = Of(kind).find(name);
  if (found == Of(kind).end() || !client.subscriptions) return false;
  auto& places = client.subscriptions->places_[static_cast<std::size_t>(kind)];
  const auto place = places.find(found->second.get());
  if (place == places.end()) return false;
  const std::size_t index = place->second;
  places.erase(place);
  client.subscriptions->bytes_ -= name.size() + kSubscriptionBytes;
  RemoveMember(*found->second, index);
  if (client.subscriptions->IsEmpty()) LeaveAll(client);
  return true;
}

void PubsubChannels::LeaveAll(ClientState& client) {
  if (!client.subscriptions) return;
  for (auto& places : client.subscriptions->places_) {
    for (const auto& [channel, place] : places) RemoveMember(*channel, place);
  }
  client.subscriptions.reset();
  client.Clear(ClientWay::kSubscribed);
}

// The last one takes the place that becomes free.
void PubsubChannels::RemoveMember(PubsubChannel& channel, std::size_t place) {
  ClientState* last = channel.members.back();
  channel.members.pop_back();
  if (place < channel.members.size()) {
    channel.members[place] = last;
    last->subscriptions->places_[static_cast<std::size_t>(channel.kind)][&channel] = place;
  }
  if (channel.members.empty()) Of(channel.kind).erase(Of(channel.kind).find(channel.name));
}

std::size_t PubsubChannels::MemberCount(ChannelKind kind, std::string_view name) const {
  const PubsubChannel* channel = Find(kind, name);
  return channel != nullptr ? channel->members.size() : 0;
}

const PubsubChannel* PubsubChannels::Find(ChannelKind kind, std::string_view name) const {
  const auto found = Of(kind).find(name);
  return found != Of(kind).end() ? found->second.get() : nullptr;
}

void PubsubChannels::ForEach(ChannelKind kind,
                             const std::function<void(const PubsubChannel&)>& visit) const {
  for (const auto& [name, channel] : Of(kind)) visit(*channel);
}

}  // namespace slotway::storage
