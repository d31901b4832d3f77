// SPDX-License-Identifier: Apache-2.0
// A script that its shard has refused something: what it was, for the proxy's ACL LOG.
//
// The error says only that there was a command, a key or a channel. Which one is in the shard's own
// ACL LOG, as a refusal of the guise in which the script ran, so the shard is asked for that before
// its error goes to the client. Belongs to its worker's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/acl_log.h"
#include "proxy/client/client_session.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

// Whether a script's reply says that it was refused something, and what kind of thing.
std::optional<protocol::AclLogReason> ScriptDenialIn(std::string_view reply);

// What a shard's answer to ACL LOG has as the latest of that kind which was refused to the user.
std::optional<std::string> ObjectInAclLog(std::string_view answer, std::string_view user,
                                          protocol::AclLogReason reason);

// Notes it and delivers the reply at the context's place. REQUIRES: ScriptDenialIn(reply); the
// session stays until it has its reply.
void NoteAndDeliver(const OperationContext& context, ClientSession& session, std::string guise,
                    std::string reply);

}  // namespace slotway::proxy
