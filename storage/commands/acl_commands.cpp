// SPDX-License-Identifier: Apache-2.0
// ACL about everything else: CAT, GENPASS, LOG, HELP.
#include <string>
#include <string_view>

#include "protocol/acl_replies.h"
#include "runtime/random.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kContainer = "ACL";

void AclCatCommand(CommandContext& ctx) {
  if (ctx.args.size() > 3) return ctx.SubcommandError(kContainer);
  if (ctx.args.size() == 2) return protocol::WriteAclCategories(ctx.reply);
  const std::string error = protocol::WriteAclCategory(ctx.reply, ctx.args[2]);
  if (!error.empty()) ctx.Error(error);
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
  protocol::WriteAclLog(ctx.reply, ctx.server.acl_log.Entries(), count, ctx.now_ms);
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
