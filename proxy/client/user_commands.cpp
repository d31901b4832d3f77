// SPDX-License-Identifier: Apache-2.0
// ACL: the users of the proxy, which decides what they may do; the shards know nothing of them.
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/acl_replies.h"
#include "protocol/acl_text.h"
#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/client/user_rights.h"
#include "proxy/client/worker_gather.h"
#include "runtime/clock.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

using protocol::AclUsers;
using protocol::kDefaultUser;

constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
    "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
    "configuration file set) in order to store users in the Redis configuration.";

const AclUsers& UsersOf(const LocalCall& call) { return call.session.Services().users->users; }

// ---- Who there is ----

void WhoAmI(LocalCall& call) { call.reply.Bulk(call.session.State().user->Name()); }

void Users(LocalCall& call) {
  call.reply.Array(UsersOf(call).All().size());
  for (const auto& [name, user] : UsersOf(call).All()) call.reply.Bulk(name);
}

void List(LocalCall& call) {
  const std::vector<std::string> lines = UsersOf(call).Lines();
  call.reply.Array(lines.size());
  for (const std::string& line : lines) call.reply.Bulk(line);
}

void GetUser(LocalCall& call) {
  protocol::WriteAclUser(call.reply, UsersOf(call).Find(call.args[2]));
}

// ---- Changes ----

// Answers when every worker has the new users, or with the error.
void Publish(LocalCall& call, const tl::expected<UserBook::Snapshot, std::string>& changed,
             std::function<void(LocalWriter&)> answer) {
  if (!changed) return call.reply.Error("ERR " + changed.error());
  GatherFromWorkers<bool>(
      call,
      [users = *changed, caller = call.session.State().id](WorkerServices& there) {
        TakeUsers(there, users, caller);
        return true;
      },
      [answer = std::move(answer)](const std::vector<bool>&, LocalWriter& reply) { answer(reply); });
}

void AnswerOk(LocalWriter& reply) { reply.Ok(); }

void SetUser(LocalCall& call) {
  const std::string_view name = call.args[2];
  if (protocol::HasAclSpaces(name)) {
    return call.reply.Error("ERR Usernames can't contain spaces or null characters");
  }
  auto changed = call.session.Services().book.Change(
      [&](AclUsers& users) -> std::optional<std::string> {
        auto user = users.Changed(name, call.args.subspan(3), RulesContext());
        if (!user) return user.error();
        users.Put(std::move(*user));
        return std::nullopt;
      });
  Publish(call, changed, AnswerOk);
}

void DelUser(LocalCall& call) {
  for (std::string_view name : call.args.subspan(2)) {
    if (name == kDefaultUser) return call.reply.Error("ERR The 'default' user cannot be removed");
  }
  std::int64_t removed = 0;
  auto changed = call.session.Services().book.Change(
      [&](AclUsers& users) -> std::optional<std::string> {
        for (std::string_view name : call.args.subspan(2)) {
          if (users.Remove(name) != nullptr) ++removed;
        }
        return std::nullopt;
      });
  Publish(call, changed, [removed](LocalWriter& reply) { reply.Integer(removed); });
}

void Load(LocalCall& call) {
  UserBook& book = call.session.Services().book;
  if (!book.HasFile()) return call.reply.Error(kNoFile);
  Publish(call, book.LoadFile(), AnswerOk);
}

void Save(LocalCall& call) {
  UserBook& book = call.session.Services().book;
  if (!book.HasFile()) return call.reply.Error(kNoFile);
  if (const auto problem = book.SaveFile()) return call.reply.Error("ERR " + *problem);
  call.reply.Ok();
}

// ---- Everything else ----

void Cat(LocalCall& call) {
  if (call.args.size() == 2) return protocol::WriteAclCategories(call.reply);
  if (call.args.size() > 3) {
    return call.reply.Error(protocol::error_text::WrongSubcommandUse("ACL", call.args[1]));
  }
  const std::string error = protocol::WriteAclCategory(call.reply, call.args[2]);
  if (!error.empty()) call.reply.Error(error);
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
  const protocol::AclUser* user = UsersOf(call).Find(call.args[2]);
  if (user == nullptr) {
    return call.reply.Error("ERR User '" + std::string(call.args[2]) + "' not found");
  }
  const auto request = call.args.subspan(3);
  const protocol::CommandSpec* spec = protocol::FindRunnableCommand(request);
  if (spec == nullptr) {
    return call.reply.Error("ERR Command '" + std::string(request[0]) + "' not found");
  }
  if (!spec->ArityFits(request.size())) {
    return call.reply.Error(protocol::error_text::WrongArity(spec->name));
  }
  const auto verdict =
      protocol::CheckAcl(*user, *spec, request, call.session.Services().acl_keys);
  if (verdict.IsAllowed()) return call.reply.Ok();
  call.reply.Bulk(protocol::AclDryRunText(verdict, *spec, request));
}

void Log(LocalCall& call) {
  constexpr std::int64_t kEntriesByDefault = 10;
  UserBook& book = call.session.Services().book;
  std::int64_t count = kEntriesByDefault;
  if (call.args.size() > 3) {
    return call.reply.Error(protocol::error_text::WrongSubcommandUse("ACL", call.args[1]));
  }
  if (call.args.size() == 3) {
    if (protocol::EqualsNoCase(call.args[2], "reset")) {
      book.ClearLog();
      return call.reply.Ok();
    }
    const auto asked = protocol::ParseInteger(call.args[2]);
    if (!asked) return call.reply.Error(protocol::error_text::kNotInteger);
    count = *asked;
  }
  protocol::WriteAclLog(call.reply, book.Log(), count, runtime::UnixMs());
}

constexpr std::array kCommands = {
    LocalCommand{"acl|cat", Cat},         LocalCommand{"acl|deluser", DelUser, true},
    LocalCommand{"acl|dryrun", DryRun},   LocalCommand{"acl|genpass", GenPass},
    LocalCommand{"acl|getuser", GetUser}, LocalCommand{"acl|list", List},
    LocalCommand{"acl|load", Load, true}, LocalCommand{"acl|log", Log},
    LocalCommand{"acl|save", Save},       LocalCommand{"acl|setuser", SetUser, true},
    LocalCommand{"acl|users", Users},     LocalCommand{"acl|whoami", WhoAmI},
};

}  // namespace

std::span<const LocalCommand> UserCommands() { return kCommands; }

}  // namespace slotway::proxy
