// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/acl_access.h"

#include <string>
#include <utility>

#include "runtime/sha256.h"
#include "storage/commands/client_description.h"

namespace slotway::storage {
namespace {

using protocol::AclDenial;
using protocol::AclLogContext;
using protocol::AclLogReason;

void AddToLog(ServerState& server, const ClientState& client, AclLogReason reason,
              AclLogContext context, std::string_view object, std::string_view user) {
  protocol::AclLogEvent event{.reason = reason,
                              .context = context,
                              .object = std::string(object),
                              .user = std::string(user),
                              .client = DescribeClient(client, server.now_ms)};
  server.acl_log.Add(std::move(event), server.now_ms,
                     static_cast<std::size_t>(server.Config().acllog_max_len));
}

}  // namespace

void UpdateRestriction(ClientState& client) {
  const bool may_do_everything = client.user == nullptr || client.user->MayDoEverything();
  client.is_restricted = !client.is_authenticated || !may_do_everything;
}

void BecomeDefaultUser(ServerState& server, ClientState& client) {
  client.user = &server.users.Default();
  client.is_authenticated = client.user->IsOpen();
  UpdateRestriction(client);
}

bool LogIn(ServerState& server, ClientState& client, std::string_view user,
           std::string_view password) {
  const protocol::AclUser* found = server.users.Find(user);
  if (found == nullptr || !found->Accepts(password, &runtime::Sha256Hex)) return false;
  client.user = found;
  client.is_authenticated = true;
  UpdateRestriction(client);
  return true;
}

void NoteDenial(ServerState& server, const ClientState& client, const protocol::AclVerdict& verdict,
                AclLogContext context, const protocol::CommandSpec& spec,
                std::span<const std::string_view> args) {
  AclLogReason reason = AclLogReason::kCommand;
  std::string_view object = spec.name;
  if (verdict.denial == AclDenial::kCommand) {
    ++server.stats.denied_commands;
  } else {
    const bool is_key = verdict.denial == AclDenial::kKey;
    ++(is_key ? server.stats.denied_keys : server.stats.denied_channels);
    reason = is_key ? AclLogReason::kKey : AclLogReason::kChannel;
    object = args[verdict.index];
  }
  AddToLog(server, client, reason, context, object, client.UserName());
}

void NoteFailedLogin(ServerState& server, const ClientState& client, std::string_view user,
                     std::string_view command) {
  ++server.stats.authentication_failures;
  const bool is_in_transaction = client.Is(ClientWay::kQueueing);
  AddToLog(server, client, AclLogReason::kAuth,
           is_in_transaction ? AclLogContext::kMulti : AclLogContext::kToplevel, command, user);
}

}  // namespace slotway::storage
