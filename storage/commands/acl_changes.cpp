// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/acl_changes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "protocol/acl_check.h"
#include "protocol/acl_file.h"
#include "protocol/acl_user_line.h"
#include "runtime/file_replacement.h"
#include "runtime/log.h"
#include "storage/commands/acl_access.h"

namespace slotway::storage {
namespace {

using protocol::AclUser;

constexpr unsigned kOwnerOnly = 0600;  // a new file: it holds digests of passwords

// What the default user is without rules for it.
AclUser PlainDefaultUser(const ServerState& server) {
  const protocol::AclContext context = server.RulesContext();
  AclUser user = AclUser::MakeDefault(context);
  const std::string& password = server.Config().requirepass;
  if (!password.empty()) user.Apply(">" + password, context);
  return user;
}

// Whom the running request belongs to is closed behind the answer.
void CutOff(ServerState& server, ClientState& client, const ClientState* caller) {
  if (&client == caller) {
    client.closes_after_reply = true;
  } else if (server.close_client) {
    server.close_client(client.id);
  }
}

bool MayGoOnListening(const ClientState& client, const AclUser& user) {
  const auto may_listen = [&](ChannelKind kind) {
    return std::ranges::all_of(client.subscriptions->Names(kind), [&](const std::string& name) {
      return protocol::MayListen(user, name, kind == ChannelKind::kPattern);
    });
  };
  return client.subscriptions == nullptr ||
         (may_listen(ChannelKind::kChannel) && may_listen(ChannelKind::kPattern) &&
          may_listen(ChannelKind::kShard));
}

void UpdateClientsOf(ServerState& server, const AclUser& user, ClientState* caller) {
  for (const auto& [id, client] : server.clients) {
    if (client->user != &user) continue;
    UpdateRestriction(*client);
    if (MayGoOnListening(*client, user)) continue;
    server.pubsub.LeaveAll(*client);
    CutOff(server, *client, caller);
  }
}

std::string PathOfAclFile(const ServerState& server) {
  return (std::filesystem::path(server.Config().dir) / server.Config().aclfile).string();
}

tl::expected<std::string, std::string> ReadAclFileText(const ServerState& server) {
  std::ifstream file(PathOfAclFile(server), std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file && !file.bad()) return text;
  return tl::unexpected("Error loading ACLs, opening file '" + server.Config().aclfile +
                        "': " + std::strerror(errno));
}

std::optional<std::string> LoadUserOfSettings(ServerState& server, std::string_view line) {
  const std::string name(protocol::AclUserLineName(line));
  if (protocol::HasAclSpaces(name)) return "Spaces not allowed in ACL usernames";
  auto user = protocol::ReadAclUserLine(line, server.RulesContext());
  if (!user) return "user '" + name + "': " + user.error();
  if (!user->IsEnabled()) {
    runtime::LogWarning("the user '{}' is disabled: its rules do not say 'on'", name);
  }
  PutUser(server, *std::move(user), nullptr);
  return std::nullopt;
}

}  // namespace

void PutUser(ServerState& server, AclUser user, ClientState* caller) {
  const std::string name = user.Name();
  server.users.Put(std::move(user));
  UpdateClientsOf(server, *server.users.Find(name), caller);
}

bool RemoveUser(ServerState& server, std::string_view name, ClientState* caller) {
  const std::unique_ptr<AclUser> removed = server.users.Remove(name);
  if (!removed) return false;
  for (const auto& [id, client] : server.clients) {
    if (client->user != removed.get()) continue;
    client->user = &server.users.Default();
    client->is_authenticated = false;
    UpdateRestriction(*client);
    server.pubsub.LeaveAll(*client);
    CutOff(server, *client, caller);
  }
  return true;
}

void ApplyDefaultPassword(ServerState& server) {
  const std::string& password = server.Config().requirepass;
  const protocol::AclContext context = server.RulesContext();
  AclUser user = server.users.Default();
  user.Apply("resetpass", context);
  user.Apply(password.empty() ? "nopass" : ">" + password, context);
  PutUser(server, std::move(user), nullptr);
}

std::optional<std::string> LoadUsers(ServerState& server) {
  if (!server.Config().aclfile.empty()) return LoadAclFile(server, nullptr);
  for (const std::string& line : server.Config().acl_users) {
    if (auto error = LoadUserOfSettings(server, line)) return error;
  }
  return std::nullopt;
}

std::optional<std::string> LoadAclFile(ServerState& server, ClientState* caller) {
  const auto text = ReadAclFileText(server);
  if (!text) return text.error();
  const protocol::AclContext context = server.RulesContext();
  auto users = protocol::ReadAclFile(*text, server.Config().aclfile, context);
  if (!users) return users.error();
  if (std::ranges::find(*users, protocol::kDefaultUser, &AclUser::Name) == users->end()) {
    users->push_back(PlainDefaultUser(server));
  }
  std::vector<std::string> names;
  for (const auto& [name, user] : server.users.All()) names.push_back(name);
  for (const std::string& name : names) {
    if (name != protocol::kDefaultUser) RemoveUser(server, name, caller);
  }
  for (AclUser& user : *users) PutUser(server, std::move(user), caller);
  return std::nullopt;
}

std::optional<std::string> SaveAclFile(ServerState& server) {
  const auto error =
      runtime::ReplaceFile(PathOfAclFile(server), protocol::WriteAclFile(server.users), kOwnerOnly);
  if (!error) return std::nullopt;
  runtime::LogWarning("cannot write the ACL file {}: {}", server.Config().aclfile,
                      std::strerror(*error));
  return "There was an error trying to save the ACLs. Please check the server logs for more "
         "information";
}

void UsersIntoSettings(ServerState& server) {
  if (!server.Config().aclfile.empty()) return;
  const std::string plain = PlainDefaultUser(server).Describe();
  std::vector<std::string> lines;
  for (const auto& [name, user] : server.users.All()) {
    const std::string rules = user->Describe();
    const bool is_plain = name == protocol::kDefaultUser && rules == plain;
    if (!is_plain) lines.push_back(name + ' ' + rules);
  }
  server.settings.SetUsers(std::move(lines));
}

}  // namespace slotway::storage
