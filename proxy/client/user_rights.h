// SPDX-License-Identifier: Apache-2.0
// Who a session is, and what it may do by that. What it may not is noted for ACL LOG. Belongs to its
// worker's thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/command.h"
#include "proxy/client/login_request.h"
#include "proxy/client/user_book.h"

namespace slotway::proxy {

class ClientSession;
struct WorkerServices;

inline constexpr std::string_view kUserHasAllClients =
    "ERR max number of clients of this user reached";

// A new connection, or one after RESET: logged in as the user that its certificate names, if the
// listener says so and there is one, or as the default user if that needs no password.
void BecomeFirstUser(ClientSession& session);
// An error text, and noted, when there is no such user, it is off, the password is wrong, or the user
// has all connections that it may have; empty if it went well. `command` is what it tried to log in
// with.
std::string_view LogIn(ClientSession& session, const LoginRequest& login, std::string_view command);
// Who the session would be after this login; nullptr: it would fail. Nothing changes or is noted.
const protocol::AclUser* WhoWouldLogIn(ClientSession& session, const LoginRequest& login);
// Why `user` may not do this for the session, a whole error text, and it is noted; empty if it may.
// REQUIRES: it may not do everything.
std::string DenialOf(ClientSession& session, const protocol::AclUser& user,
                     const protocol::CommandSpec& spec, std::span<const std::string_view> args);
// The same of the session's own user.
std::string DenialOf(ClientSession& session, const protocol::CommandSpec& spec,
                     std::span<const std::string_view> args);
// A shard has refused this to a script of the session's user: that is noted. `object` is the
// command, the key or the channel.
void NoteScriptDenial(ClientSession& session, protocol::AclLogReason reason,
                      std::string_view object);
// From now on the worker's users are these, unless it has newer ones. Who has lost its user, or may
// no longer listen to what it listens to, is cut off; the callers get their answers first.
void TakeUsers(WorkerServices& services, UserBook::Snapshot users);

}  // namespace slotway::proxy
