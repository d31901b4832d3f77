// SPDX-License-Identifier: Apache-2.0
// Who listens to which channel, pattern and shard channel.
//
//   channels_      kind, name -> Channel: its members, in no particular order
//   Subscriptions  of a client: Channel -> its place among the members
//
// A channel exists while it has members. Joining and leaving take the same time however many there
// are. Engine thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/text_hash.h"

namespace slotway::storage {

struct ClientState;

enum class ChannelKind : std::uint8_t { kChannel, kPattern, kShard };
inline constexpr std::size_t kChannelKinds = 3;

struct PubsubChannel {
  ChannelKind kind;
  std::string name;
  std::vector<ClientState*> members;
};

// What one client listens to.
class Subscriptions {
 public:
  std::size_t Count(ChannelKind kind) const {
    return places_[static_cast<std::size_t>(kind)].size();
  }
  // As confirmations count: shard channels by themselves, the others together.
  std::size_t ConfirmedCount(ChannelKind kind) const {
    if (kind == ChannelKind::kShard) return Count(kind);
    return Count(ChannelKind::kChannel) + Count(ChannelKind::kPattern);
  }
  bool IsEmpty() const {
    return ConfirmedCount(ChannelKind::kChannel) + Count(ChannelKind::kShard) == 0;
  }
  std::vector<std::string> Names(ChannelKind kind) const;
  std::size_t Bytes() const { return bytes_; }

 private:
  friend class PubsubChannels;
  using Places = std::unordered_map<PubsubChannel*, std::size_t>;
  std::array<Places, kChannelKinds> places_;
  std::size_t bytes_ = 0;  // of names, and what is kept for each
};

class PubsubChannels {
 public:
  // False when nothing changes: it listens already, or does not.
  bool Join(ClientState& client, ChannelKind kind, std::string_view name);
  bool Leave(ClientState& client, ChannelKind kind, std::string_view name);
  void LeaveAll(ClientState& client);

  std::size_t Count(ChannelKind kind) const { return Of(kind).size(); }
  bool IsEmpty() const {
    return Of(ChannelKind::kChannel).empty() && Of(ChannelKind::kPattern).empty() &&
           Of(ChannelKind::kShard).empty();
  }
  std::size_t MemberCount(ChannelKind kind, std::string_view name) const;
  // Valid until somebody joins or leaves; nullptr when nobody listens.
  const PubsubChannel* Find(ChannelKind kind, std::string_view name) const;
  // The same of all of that kind; `visit` must not change anything.
  void ForEach(ChannelKind kind, const std::function<void(const PubsubChannel&)>& visit) const;

 private:
  // The channels have addresses of their own: clients refer to them.
  using Channels = runtime::TextMap<std::unique_ptr<PubsubChannel>>;

  const Channels& Of(ChannelKind kind) const { return channels_[static_cast<std::size_t>(kind)]; }
  Channels& Of(ChannelKind kind) { return channels_[static_cast<std::size_t>(kind)]; }
  void RemoveMember(PubsubChannel& channel, std::size_t place);

  std::array<Channels, kChannelKinds> channels_;
};

}  // namespace slotway::storage
