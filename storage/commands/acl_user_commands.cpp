// SPDX-License-Identifier: Apache-2.0
// ACL about users: SETUSER, GETUSER, DELUSER, LIST, USERS, WHOAMI, LOAD, SAVE, DRYRUN.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/acl_replies.h"
#include "protocol/acl_text.h"
#include "storage/commands/acl_changes.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

using protocol::AclUser;

void AclSetuserCommand(CommandContext& ctx) {
  const std::string_view name = ctx.args[2];
  if (protocol::HasAclSpaces(name)) {
    ctx.Error("ERR Usernames can't contain spaces or null characters");
    return;
  }
  auto changed = ctx.server.users.Changed(name, ctx.args.subspan(3), ctx.server.RulesContext());
  if (!changed) {
    ctx.Error("ERR " + changed.error());
    return;
  }
  PutUser(ctx.server, std::move(*changed), &ctx.client);
  ctx.reply.Ok();
}

void AclGetuserCommand(CommandContext& ctx) {
  protocol::WriteAclUser(ctx.reply, ctx.server.users.Find(ctx.args[2]));
}

void AclDeluserCommand(CommandContext& ctx) {
  for (std::string_view name : ctx.args.subspan(2)) {
    if (name == protocol::kDefaultUser) {
      ctx.Error("ERR The 'default' user cannot be removed");
      return;
    }
  }
  std::int64_t removed = 0;
  for (std::string_view name : ctx.args.subspan(2)) {
    if (RemoveUser(ctx.server, name, &ctx.client)) ++removed;
  }
  ctx.reply.Integer(removed);
}

void AclListCommand(CommandContext& ctx) {
  const std::vector<std::string> lines = ctx.server.users.Lines();
  ctx.reply.Array(lines.size());
  for (const std::string& line : lines) ctx.reply.Bulk(line);
}

void AclUsersCommand(CommandContext& ctx) {
  ctx.reply.Array(ctx.server.users.All().size());
  for (const auto& [name, user] : ctx.server.users.All()) ctx.reply.Bulk(name);
}

void AclWhoamiCommand(CommandContext& ctx) { ctx.reply.Bulk(ctx.client.UserName()); }

bool CheckHasFile(CommandContext& ctx) {
  if (!ctx.server.Config().aclfile.empty()) return true;
  ctx.Error(
      "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
      "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
      "configuration file set) in order to store users in the Redis configuration.");
  return false;
}

void ReplyDone(CommandContext& ctx, const std::optional<std::string>& error) {
  if (error) {
    ctx.Error("ERR " + *error);
  } else {
    ctx.reply.Ok();
  }
}

void AclLoadCommand(CommandContext& ctx) {
  if (CheckHasFile(ctx)) ReplyDone(ctx, LoadAclFile(ctx.server, &ctx.client));
}

void AclSaveCommand(CommandContext& ctx) {
  if (CheckHasFile(ctx)) ReplyDone(ctx, SaveAclFile(ctx.server));
}

void AclDryrunCommand(CommandContext& ctx) {
  const AclUser* user = ctx.server.users.Find(ctx.args[2]);
  if (user == nullptr) {
    ctx.Error("ERR User '" + std::string(ctx.args[2]) + "' not found");
    return;
  }
  const std::span<const std::string_view> request = ctx.args.subspan(3);
  const protocol::CommandSpec* spec = protocol::FindRunnableCommand(request);
  if (spec == nullptr) {
    ctx.Error("ERR Command '" + std::string(request[0]) + "' not found");
    return;
  }
  if (!spec->ArityFits(request.size())) {
    ctx.Error(protocol::error_text::WrongArity(spec->name));
    return;
  }
  std::vector<protocol::KeyPosition> keys;
  const protocol::AclVerdict verdict = protocol::CheckAcl(*user, *spec, request, keys);
  if (verdict.IsAllowed()) {
    ctx.reply.Ok();
  } else {
    ctx.reply.Bulk(protocol::AclDryRunText(verdict, *spec, request));
  }
}

}  // namespace

std::span<const HandlerRow> AclUserHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"acl|setuser", &AclSetuserCommand}, {"acl|getuser", &AclGetuserCommand},
      {"acl|deluser", &AclDeluserCommand}, {"acl|list", &AclListCommand},
      {"acl|users", &AclUsersCommand},     {"acl|whoami", &AclWhoamiCommand},
      {"acl|load", &AclLoadCommand},       {"acl|save", &AclSaveCommand},
      {"acl|dryrun", &AclDryrunCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
