// SPDX-License-Identifier: Apache-2.0
// Changes of a server's users, and what they mean for who is connected: rights count at once, who
// may no longer listen or has lost its user is cut off.
//
// Errors are complete but for their code. `caller` is the client whose request it is, which gets
// its answer first; nullptr: none. Engine thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/acl_user.h"
#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

// Adds the user or changes the one of that name.
void PutUser(ServerState& server, protocol::AclUser user, ClientState* caller);
// False when there is none. REQUIRES: not the default user.
bool RemoveUser(ServerState& server, std::string_view name, ClientState* caller);
// The setting `requirepass` is the default user's only password.
void ApplyDefaultPassword(ServerState& server);

// At start: what the settings `user` or `aclfile` say. An error ends the start.
std::optional<std::string> LoadUsers(ServerState& server);
// All users become those of the file, or none changes. Who is logged in as another than the default
// user is cut off. REQUIRES of both: the setting `aclfile` is set.
std::optional<std::string> LoadAclFile(ServerState& server, ClientState* caller);
std::optional<std::string> SaveAclFile(ServerState& server);
// For CONFIG REWRITE.
void UsersIntoSettings(ServerState& server);

}  // namespace slotway::storage
