// SPDX-License-Identifier: Apache-2.0
// How CLIENT LIST and CLIENT INFO describe a client, and what kind of client it is to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotway::proxy {

class ClientSession;

// The kinds that a filter may name. The proxy has no masters and replicas as clients.
enum class ClientKind : std::uint8_t { kNormal, kPubsub, kReplica, kMaster };

// By the names that filters use; nothing if it is none of them.
std::optional<ClientKind> ClientKindByName(std::string_view name);
ClientKind KindOf(const ClientSession& session);

// The fields of Redis 7.2 in their order, one line without its end.
std::string DescribeClient(ClientSession& session);

}  // namespace slotway::proxy
