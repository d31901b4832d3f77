// SPDX-License-Identifier: Apache-2.0
// ACL, and what of CONFIG is about it: the users of the proxy, which decides what they may do; the
// shards know nothing of them.
#include <array>
#include <functional>
#include <memory>
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
#include "proxy/operations/compositions.h"
#include "proxy/routing/operation.h"
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

const AclUsers& UsersOf(const LocalCall& call) { return call.session.Services().users->told; }

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

// Lets `begin` change the users and answers when every worker has the new ones, or with the error.
void Change(LocalCall& call, std::function<void(UserBook&, UserBook::OnChanged)> begin,
            std::function<void(LocalWriter&)> answer) {
  using Error = std::optional<std::string>;
  GatherLater<Error>(
      call,
      [home = call.session.Services().colleagues.own_index, begin = std::move(begin)](
          WorkerServices& there, std::function<void(Error)> say) {
        if (there.colleagues.own_index != home) return say(std::nullopt);
        begin(there.book, [post = there.colleagues.post, home, say](UserBook::Changed changed) {
          post(home, [say, changed = std::move(changed)](WorkerServices& worker) {
            if (changed) TakeUsers(worker, *changed);
            say(changed ? std::nullopt : Error(changed.error()));
          });
        });
      },
      [answer = std::move(answer)](const std::vector<Error>& errors, LocalWriter& reply) {
        for (const Error& error : errors) {
          if (error) return reply.Error("ERR " + *error);
        }
        answer(reply);
      });
}

void Make(LocalCall& call, UserBook::Change change, std::function<void(LocalWriter&)> answer) {
  auto begin = [change = std::move(change), caller = call.session.State().id](
                   UserBook& book, UserBook::OnChanged done) {
    book.Make(change, caller, std::move(done));
  };
  Change(call, begin, std::move(answer));
}

void AnswerOk(LocalWriter& reply) { reply.Ok(); }

std::vector<std::string> WordsFrom(const LocalCall& call, std::size_t first) {
  return {call.args.begin() + static_cast<std::ptrdiff_t>(first), call.args.end()};
}

void SetUser(LocalCall& call) {
  if (protocol::HasAclSpaces(call.args[2])) {
    return call.reply.Error("ERR Usernames can't contain spaces or null characters");
  }
  auto change = [words = WordsFrom(call, 2)](AclUsers& users) -> UserBook::Problem {
    const std::vector<std::string_view> rules(words.begin() + 1, words.end());
    auto user = users.Changed(words[0], rules, RulesContext());
    if (!user) return user.error();
    users.Put(std::move(*user));
    return std::nullopt;
  };
  Make(call, change, AnswerOk);
}

void DelUser(LocalCall& call) {
  for (std::string_view name : call.args.subspan(2)) {
    if (name == kDefaultUser) return call.reply.Error("ERR The 'default' user cannot be removed");
  }
  // shared: counted where the change is made, perhaps several times; read when it is over.
  auto removed = std::make_shared<std::int64_t>(0);
  auto change = [removed, names = WordsFrom(call, 2)](AclUsers& users) -> UserBook::Problem {
    *removed = 0;
    for (const std::string& name : names) {
      if (users.Remove(name) != nullptr) ++*removed;
    }
    return std::nullopt;
  };
  Make(call, change, [removed](LocalWriter& reply) { reply.Integer(*removed); });
}

void Load(LocalCall& call) {
  if (!call.session.Services().book.HasFile()) return call.reply.Error(kNoFile);
  auto begin = [caller = call.session.State().id](UserBook& book, UserBook::OnChanged done) {
    book.LoadFile(caller, std::move(done));
  };
  Change(call, begin, AnswerOk);
}

void Save(LocalCall& call) {
  UserBook& book = call.session.Services().book;
  if (!book.HasFile()) return call.reply.Error(kNoFile);
  if (const auto problem = book.SaveFile()) return call.reply.Error("ERR " + *problem);
  call.reply.Ok();
}

// ---- Settings that are the proxy's own ----

std::string PasswordAlone(std::string_view name) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) +
         "') - the password of clients is not one of the shards' settings: set it by itself";
}

// The default user's password, on all proxies.
void SetPassword(LocalCall& call) {
  auto change = [rule = std::string(call.args[3])](AclUsers& users) -> UserBook::Problem {
    const std::string password = rule.empty() ? "nopass" : ">" + rule;
    const std::string_view rules[] = {"resetpass", password};
    auto user = users.Changed(kDefaultUser, rules, RulesContext());
    if (!user) return user.error();
    users.Put(std::move(*user));
    return std::nullopt;
  };
  Make(call, change, AnswerOk);
}

constexpr std::string_view kLogLength = "acllog-max-len";

std::string WhyNoLength(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(reason);
}

OperationContext ContextFor(LocalCall& call, const Request& request) {
  ClientSession& session = call.session;
  const WorkerServices& services = session.Services();
  return {services.dispatcher, services.settings,   request,
          session.Replies(),   session.OpenPlace(), session.OwnLane()};
}

Request RequestOf(const LocalCall& call, std::span<const std::string_view> args,
                  std::string& bytes) {
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, args);
  return {args, bytes, &call.spec, protocol::IdOf(call.spec)};
}

// The shards are told the rest.
void ConfigSet(LocalCall& call) {
  const auto pairs = call.args.subspan(2);
  if (pairs.size() % 2 != 0) return call.reply.Error(protocol::error_text::kSyntax);
  std::vector<std::string_view> rest(call.args.begin(), call.args.begin() + 2);
  std::optional<std::int64_t> length;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    const std::string_view name = pairs[i], value = pairs[i + 1];
    if (protocol::EqualsNoCase(name, "requirepass")) {
      if (pairs.size() == 2) return SetPassword(call);
      return call.reply.Error(PasswordAlone(name));
    }
    if (!protocol::EqualsNoCase(name, kLogLength)) {
      rest.insert(rest.end(), {name, value});
      continue;
    }
    if (length) return call.reply.Error(WhyNoLength(name, "duplicate parameter"));
    length = protocol::ParseInteger(value);
    if (!length) {
      return call.reply.Error(WhyNoLength(name, "argument couldn't be parsed into an integer"));
    }
    if (*length < 0) {
      return call.reply.Error(
          WhyNoLength(name, "argument must be between 0 and 9223372036854775807 inclusive"));
    }
  }
  if (length) call.session.Services().book.SetLogMax(static_cast<std::size_t>(*length));
  if (rest.size() == 2) return call.reply.Ok();
  std::string bytes;
  const Request request = RequestOf(call, rest, bytes);
  StartConfigSet(ContextFor(call, request));
}

// Of one's own settings what counts is here, of all others there.
void ConfigGet(LocalCall& call) {
  std::string bytes;
  const Request request = RequestOf(call, call.args, bytes);
  StartConfigGet(
      ContextFor(call, request),
      {{std::string(kLogLength), std::to_string(call.session.Services().book.LogMax())}});
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
  // As it counts, not as it is shown.
  const protocol::AclUser* user = call.session.Services().users->users.Find(call.args[2]);
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
    LocalCommand{"acl|cat", Cat},
    LocalCommand{"acl|deluser", DelUser, true},
    LocalCommand{"acl|dryrun", DryRun},
    LocalCommand{"acl|genpass", GenPass},
    LocalCommand{"acl|getuser", GetUser},
    LocalCommand{"acl|list", List},
    LocalCommand{"acl|load", Load, true},
    LocalCommand{"acl|log", Log},
    LocalCommand{"acl|save", Save},
    LocalCommand{"acl|setuser", SetUser, true},
    LocalCommand{"acl|users", Users},
    LocalCommand{"acl|whoami", WhoAmI},
    LocalCommand{"config|get", ConfigGet, true},
    LocalCommand{"config|set", ConfigSet, true},
};

}  // namespace

std::span<const LocalCommand> UserCommands() { return kCommands; }

}  // namespace slotway::proxy
