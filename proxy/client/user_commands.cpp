// SPDX-License-Identifier: Apache-2.0
// ACL: the proxy has one user, 'default', who may do everything. What changes users is refused.
#include <algorithm>
#include <array>
#include <string>

#include "protocol/acl_category_commands.h"
#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kDefaultUser = "default";

bool NeedsPassword(LocalCall& call) {
  return !call.session.Services().settings.auth.password.empty();
}

void WhoAmI(LocalCall& call) { call.reply.Bulk(kDefaultUser); }

void Users(LocalCall& call) {
  call.reply.Array(1);
  call.reply.Bulk(kDefaultUser);
}

// The password's hash is nobody's business: it would be all that a client needs to guess it.
void List(LocalCall& call) {
  call.reply.Array(1);
  call.reply.Bulk(std::string("user default on ") + (NeedsPassword(call) ? "" : "nopass ") +
                  "~* &* +@all");
}

void GetUser(LocalCall& call) {
  if (call.args[2] != kDefaultUser) return call.reply.Null();
  call.reply.Map(6);
  call.reply.Bulk("flags");
  bool needs_password = NeedsPassword(call);
  call.reply.Set(needs_password ? 1 : 2);
  call.reply.Bulk("on");
  if (!needs_password) call.reply.Bulk("nopass");
  call.reply.Bulk("passwords");
  call.reply.Array(0);
  call.reply.Bulk("commands");
  call.reply.Bulk("+@all");
  call.reply.Bulk("keys");
  call.reply.Bulk("~*");
  call.reply.Bulk("channels");
  call.reply.Bulk("&*");
  call.reply.Bulk("selectors");
  call.reply.Array(0);
}

void ListCategories(LocalCall& call) {
  const auto categories = protocol::AllAclCategories();
  call.reply.Array(categories.size());
  for (protocol::AclCategory category : categories) {
    call.reply.Bulk(protocol::AclCategoryName(category));
  }
}

void Cat(LocalCall& call) {
  if (call.args.size() == 2) return ListCategories(call);
  if (call.args.size() > 3) {
    return call.reply.Error(protocol::error_text::UnknownSubcommand("ACL", call.args[1]));
  }
  auto category = protocol::AclCategoryByName(call.args[2]);
  if (category.bits == 0) {
    return call.reply.Error("ERR Unknown category '" + std::string(call.args[2]) + "'");
  }
  const auto names = protocol::CommandNamesIn(category);
  call.reply.Array(names.size());
  for (std::string_view name : names) call.reply.Bulk(name);
}

void GenPass(LocalCall& call) {
  constexpr std::int64_t kBitsByDefault = 256, kBitsMax = 4096;
  std::int64_t bits = kBitsByDefault;
  if (call.args.size() > 2) {
    auto asked = protocol::ParseInteger(call.args[2]);
    if (!asked) return call.reply.Error(protocol::error_text::kNotInteger);
    if (*asked <= 0 || *asked > kBitsMax) {
      return call.reply.Error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
          "number up to 4096");
    }
    bits = *asked;
  }
  call.reply.Bulk(runtime::RandomHexId(static_cast<std::size_t>((bits + 3) / 4)));
}

void DryRun(LocalCall& call) {
  if (call.args[2] != kDefaultUser) {
    return call.reply.Error("ERR User '" + std::string(call.args[2]) + "' not found");
  }
  auto request = call.args.subspan(3);
  const protocol::CommandSpec* spec = protocol::FindCommand(request);
  if (spec == nullptr) {
    return call.reply.Error("ERR Command '" + std::string(request[0]) + "' not found");
  }
  if (!spec->ArityFits(request.size())) {
    return call.reply.Error(protocol::error_text::WrongArity(spec->name));
  }
  call.reply.Ok();
}

// Nothing is ever refused to the one user, so nothing is in the log.
void Log(LocalCall& call) {
  if (call.args.size() == 2) return call.reply.Array(0);
  if (protocol::EqualsNoCase(call.args[2], "reset")) return call.reply.Ok();
  if (!protocol::ParseInteger(call.args[2])) {
    return call.reply.Error(protocol::error_text::kNotInteger);
  }
  call.reply.Array(0);
}

constexpr std::array kCommands = {
    LocalCommand{"acl|cat", Cat},         LocalCommand{"acl|dryrun", DryRun},
    LocalCommand{"acl|genpass", GenPass}, LocalCommand{"acl|getuser", GetUser},
    LocalCommand{"acl|list", List},       LocalCommand{"acl|log", Log},
    LocalCommand{"acl|users", Users},     LocalCommand{"acl|whoami", WhoAmI},
};

}  // namespace

std::span<const LocalCommand> UserCommands() { return kCommands; }

}  // namespace slotway::proxy
