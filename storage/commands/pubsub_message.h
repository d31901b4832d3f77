// SPDX-License-Identifier: Apache-2.0
// Delivers a message to those who listen to its channel. Engine thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "storage/commands/pubsub_channels.h"

namespace slotway::storage {

class ServerState;

// To the channel's listeners and, unless it is a shard channel, to those of patterns that match.
// Returns how many were told; a client counts for each of its subscriptions.
std::size_t PublishMessage(ServerState& server, ChannelKind kind, std::string_view channel,
                           std::string_view message);

// Takes shard channels away from their listeners, and tells them: those whose slot is no longer
// served here.
void EndShardChannels(ServerState& server,
                      const std::function<bool(std::string_view name)>& is_gone);

}  // namespace slotway::storage
