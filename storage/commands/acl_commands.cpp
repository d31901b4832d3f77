// SPDX-License-Identifier: Apache-2.0
// ACL about everything else: CAT, GENPASS, LOG, HELP.
#include <algorithm>
#include <string>
#include <string_view>

#include "protocol/acl_category_commands.h"
#include "runtime/random.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kContainer = "ACL";

void ReplyCategories(CommandContext& ctx) {
  const auto categories = protocol::AllAclCategories();
  ctx.reply.Array(categories.size());
  for (protocol::AclCategory category : categories) {
    ctx.reply.Bulk(protocol::AclCategoryName(category));
  }
}

void AclCatCommand(CommandContext& ctx) {
  constexpr std::size_t kNameShown = 128;
  if (ctx.args.size() > 3) return ctx.SubcommandError(kContainer);
  if (ctx.args.size() == 2) return ReplyCategories(ctx);
  const auto category = protocol::AclCategoryByName(ctx.args[2]);
  if (category.bits == 0) {
    ctx.Error("ERR Unknown category '" + std::string(ctx.args[2].substr(0, kNameShown)) + "'");
    return;
  }
  const auto names = protocol::CommandNamesIn(category);
  ctx.reply.Array(names.size());
  for (std::string_view name : names) ctx.reply.Bulk(name);
}

void AclGenpassCommand(CommandContext& ctx) {
  constexpr std::int64_t kBitsMax = 4096;
  constexpr std::int64_t kBitsOfDigit = 4;
  std::int64_t bits = 256;
  if (ctx.args.size() > 3) return ctx.SubcommandError(kContainer);
  if (ctx.args.size() == 3 && !ReadInteger(ctx, 2, bits)) return;
  if (bits <= 0 || bits > kBitsMax) {
    ctx.Error(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
    return;
  }
  const auto digits = static_cast<std::size_t>((bits + kBitsOfDigit - 1) / kBitsOfDigit);
  ctx.reply.Bulk(runtime::RandomHexId(digits));
}

void ReplyLogEntry(CommandContext& ctx, const protocol::AclLogEntry& entry) {
  const auto text = [&](std::string_view name, std::string_view value) {
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(value);
  };
  const auto number = [&](std::string_view name, std::int64_t value) {
    ctx.reply.Bulk(name);
    ctx.reply.Integer(value);
  };
  ctx.reply.Map(10);
  number("count", static_cast<std::int64_t>(entry.count));
  text("reason", protocol::AclLogReasonName(entry.event.reason));
  text("context", protocol::AclLogContextName(entry.event.context));
  text("object", entry.event.object);
  text("username", entry.event.user);
  ctx.reply.Bulk("age-seconds");
  ctx.reply.Double(static_cast<double>(ctx.now_ms - entry.updated_ms) / 1000);
  text("client-info", entry.event.client);
  number("entry-id", static_cast<std::int64_t>(entry.id));
  number("timestamp-created", entry.created_ms);
  number("timestamp-last-updated", entry.updated_ms);
}

void AclLogCommand(CommandContext& ctx) {
  std::int64_t count = 10;
  if (ctx.args.size() > 3) return ctx.SubcommandError(kContainer);
  if (ctx.args.size() == 3) {
    if (EqualsNoCase(ctx.args[2], "reset")) {
      ctx.server.acl_log.Clear();
      ctx.reply.Ok();
      return;
    }
    if (!ReadInteger(ctx, 2, count)) return;
  }
  const auto& entries = ctx.server.acl_log.Entries();
  const std::size_t shown =
      std::min(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), entries.size());
  ctx.reply.Array(shown);
  for (std::size_t i = 0; i < shown; ++i) ReplyLogEntry(ctx, entries[i]);
}

void AclHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "CAT [<category>]",
      "    The categories, or the commands of one.",
      "DELUSER <username> [<username> ...]",
      "    Remove users and close their connections.",
      "DRYRUN <username> <command> [<arg> ...]",
      "    Whether the user may run this, without running it.",
      "GENPASS [<bits>]",
      "    A random password; of 256 bits unless told otherwise.",
      "GETUSER <username>",
      "    The rights of a user.",
      "LIST | USERS",
      "    All users as lines of an ACL file, or their names.",
      "LOAD | SAVE",
      "    Read the users from the ACL file again, or write them to it.",
      "LOG [<count> | RESET]",
      "    What was refused lately.",
      "SETUSER <username> [<rule> ...]",
      "    Add a user or change one.",
      "WHOAMI",
      "    The user of this connection.",
  };
  ReplyHelp(ctx, kContainer, kLines);
}

}  // namespace

std::span<const HandlerRow> AclHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"acl|cat", &AclCatCommand},
      {"acl|genpass", &AclGenpassCommand},
      {"acl|log", &AclLogCommand},
      {"acl|help", &AclHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
