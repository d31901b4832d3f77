// SPDX-License-Identifier: Apache-2.0
// Scripts and functions of users who may not do everything: what they do is decided in the shard.
//
// So the shard has to know the user's rules. The proxy makes it a user with the same ones, whose name
// is a digest of them and whose password only who knows the proxy's own can tell, and runs the
// script on a connection of its own that has become this user. Other rules are another user; the
// former one stays in the shard until that restarts. Belongs to its worker's thread.
#pragma once

#include "proxy/backend/private_connections.h"
#include "proxy/client/client_session.h"

namespace slotway::proxy {

// The guise in which a shard runs scripts with these rules. `secret`: what the proxy logs in with.
Guise GuiseOf(const protocol::AclUser& user, std::string_view secret);

// Opens the session's next place. REQUIRES: RunsScript(*request.spec), SessionState::is_restricted,
// nothing of the session is outstanding.
void RunAsUser(ClientSession& session, const Request& request, Lane lane);

}  // namespace slotway::proxy
