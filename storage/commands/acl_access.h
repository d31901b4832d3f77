// SPDX-License-Identifier: Apache-2.0
// Who a client is, and whether it may run a request. What it may not is counted and noted for ACL
// LOG. Engine thread only.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "protocol/acl_check.h"
#include "protocol/acl_log.h"
#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

// A new connection, or one after RESET: logged in if the default user needs no password.
void BecomeDefaultUser(ServerState& server, ClientState& client);
// False when there is no such user, it is off, or the password is wrong.
bool LogIn(ServerState& server, ClientState& client, std::string_view user,
           std::string_view password);
// Whether the client may only log in.
inline bool MustLogIn(const ServerState& server, const ClientState& client) {
  return !client.is_authenticated && !server.users.Default().IsOpen();
}
// To be called when the client, or the rules of its user, have changed.
void UpdateRestriction(ClientState& client);

// `keys` is memory to work in. While ClientState::is_restricted is false the answer is yes.
inline protocol::AclVerdict CheckAccess(const ClientState& client,
                                        const protocol::CommandSpec& spec,
                                        std::span<const std::string_view> args,
                                        std::vector<protocol::KeyPosition>& keys) {
  if (client.user == nullptr) return {};
  return protocol::CheckAcl(*client.user, spec, args, keys);
}

// `args` are those of the refused request.
void NoteDenial(ServerState& server, const ClientState& client, const protocol::AclVerdict& verdict,
                protocol::AclLogContext context, const protocol::CommandSpec& spec,
                std::span<const std::string_view> args);
// `command` is what it tried to log in with.
void NoteFailedLogin(ServerState& server, const ClientState& client, std::string_view user,
                     std::string_view command);

}  // namespace slotway::storage
