// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_rights.h"

#include <algorithm>
#include <utility>

#include "protocol/acl_check.h"
#include "protocol/acl_text.h"
#include "protocol/error_text.h"
#include "protocol/command_table.h"
#include "proxy/client/client_description.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/client/transaction.h"
#include "proxy/operations/sort_request.h"
#include "proxy/reply/blocked_call.h"
#include "proxy/routing/script_request.h"
#include "runtime/clock.h"
#include "runtime/sha256.h"
#include "runtime/tls_stream.h"

namespace slotway::proxy {
namespace {

using protocol::AclDenial;
using protocol::AclLogContext;
using protocol::AclLogReason;
using protocol::AclUser;

constexpr std::string_view kNoQueuedScripts =
    "NOPERM this user has no permissions to run scripts in a transaction: its rules cannot be held "
    "inside of them";

void UpdateRestriction(SessionState& state) {
  state.is_restricted = state.is_authenticated && !state.user->MayDoEverything();
}

// False, and nothing has changed, if the user has as many connections as it may have.
bool Become(ClientSession& session, const AclUser& user) {
  if (!session.TakeSeat(user.Name())) return false;
  SessionState& state = session.State();
  state.user = &user;
  state.is_authenticated = true;
  UpdateRestriction(state);
  return true;
}

// The default user, who still has to say its password.
void BecomeNobody(ClientSession& session) {
  SessionState& state = session.State();
  state.user = &session.Services().users->users.Default();
  state.is_authenticated = false;
  UpdateRestriction(state);
  session.LeaveSeat();
}

runtime::Counter& CountOf(AclLogReason reason, SessionCounters& counters) {
  switch (reason) {
    case AclLogReason::kCommand:
      return counters.denied_commands;
    case AclLogReason::kKey:
      return counters.denied_keys;
    case AclLogReason::kChannel:
      return counters.denied_channels;
    default:
      return counters.failed_logins;
  }
}

bool IsInTransaction(const SessionState& state) {
  return state.is_executing || (state.ways & SessionWays::kQueuesTransaction) != 0;
}

void Note(ClientSession& session, AclLogReason reason, std::string_view object,
          std::string_view user, bool is_in_script = false) {
  if (reason != AclLogReason::kAuth) {
    session.Services().audit.NoteDenial(session, protocol::AclLogReasonName(reason), object);
  }
  CountOf(reason, session.Services().counters).Add();
  session.Services().book.NoteRefusal(
      {.reason = reason,
       .context = is_in_script                       ? AclLogContext::kLua
                  : IsInTransaction(session.State()) ? AclLogContext::kMulti
                                                     : AclLogContext::kToplevel,
       .object = std::string(object),
       .user = std::string(user),
       .client = DescribeClient(session)},
      runtime::UnixMs());
}

void Note(ClientSession& session, std::string_view user, const protocol::AclVerdict& verdict,
          const protocol::CommandSpec& spec, std::span<const std::string_view> args) {
  if (verdict.denial == AclDenial::kCommand) {
    return Note(session, AclLogReason::kCommand, spec.name, user);
  }
  const bool is_key = verdict.denial == AclDenial::kKey;
  Note(session, is_key ? AclLogReason::kKey : AclLogReason::kChannel, args[verdict.index], user);
}

// Of a command that the user's rules allow, and the settings do not.
std::string WhyWithheld(ClientSession& session, std::string_view user,
                        const protocol::AclVerdict& verdict, const protocol::CommandSpec& spec,
                        std::span<const std::string_view> args) {
  if (verdict.denial != AclDenial::kCommand) return {};
  const UsersVersion& users = *session.Services().users;
  const AclUser* told = users.told.Find(user);
  const bool is_told =
      told != nullptr && protocol::CheckAcl(*told, spec, args, session.Services().acl_keys).denial !=
                             AclDenial::kCommand;
  return is_told ? ": " + std::string(users.guard.WhyNot(protocol::IdOf(spec))) : std::string();
}

bool MayGoOnListening(ClientSession& session, const AclUser& user) {
  if (!session.HasSubscriptions()) return true;
  bool may = true;
  session.Subscriptions().ForEach([&](TopicKind kind, std::string_view name) {
    may = may && protocol::MayListen(user, name, kind == TopicKind::kPattern);
  });
  return may;
}

// What waits at a shard and would be refused now is ended with the refusal.
void RecheckBlocked(ClientSession& session) {
  const std::vector<std::string_view> args = session.BlockedRequest()->Request();
  const protocol::CommandSpec* spec = protocol::FindCommand(args);
  if (spec == nullptr) return;
  const std::string denial = DenialOf(session, *spec, args);
  if (!denial.empty()) session.BlockedRequest()->Refuse(denial);
}

// Passwords apart.
bool HaveSameRights(const AclUser& a, const AclUser& b) {
  return std::ranges::equal(a.Selectors(), b.Selectors(), [](const auto& one, const auto& other) {
    return one.Describe() == other.Describe();
  });
}

void CutOff(ClientSession& session, const UsersVersion& users, std::string_view why) {
  session.LeaveSubscriptions();
  if (users.callers.contains(session.State().id)) {
    session.CloseWhenAnswered();
  } else {
    session.Cut(why);
  }
}

// nullptr: there is no such user, it is off, or this is not its password.
const AclUser* Verified(ClientSession& session, const LoginRequest& login) {
  const AclUser* found = session.Services().users->users.Find(login.user);
  // Who does not exist takes as long to refuse.
  const AclUser nobody(login.user, RulesContext());
  const AclUser& user = found == nullptr ? nobody : *found;
  return user.Accepts(login.password, &runtime::Sha256Hex) ? found : nullptr;
}

const AclUser* UserOfCertificate(ClientSession& session) {
  const runtime::TlsStream* tls = session.Socket().Tls();
  if (tls == nullptr || session.Listener().tls.client_user == config::ClientUser::kOff) {
    return nullptr;
  }
  const AclUser* user = session.Services().users->users.Find(tls->PeerCommonName());
  return user != nullptr && user->IsEnabled() ? user : nullptr;
}

}  // namespace

void BecomeFirstUser(ClientSession& session) {
  SessionState& state = session.State();
  const AclUser* user = UserOfCertificate(session);
  const bool is_by_certificate = user != nullptr;
  if (!is_by_certificate) user = &session.Services().users->users.Default();
  if (!is_by_certificate && !user->IsOpen()) return BecomeNobody(session);
  state.is_turned_away = !Become(session, *user);
  if (state.is_turned_away) BecomeNobody(session);
  if (is_by_certificate) {
    session.Services().audit.NoteLogin(session, user->Name(), !state.is_turned_away);
  }
}

std::string_view LogIn(ClientSession& session, const LoginRequest& login,
                       std::string_view command) {
  const AclUser* found = Verified(session, login);
  if (found == nullptr) {
    Note(session, AclLogReason::kAuth, command, login.user);
    session.Services().audit.NoteLogin(session, login.user, false);
    return protocol::error_text::kWrongPass;
  }
  const bool is_in = Become(session, *found);
  session.ApplyParserLimits();
  session.Services().audit.NoteLogin(session, login.user, is_in);
  return is_in ? std::string_view() : kUserHasAllClients;
}

const AclUser* WhoWouldLogIn(ClientSession& session, const LoginRequest& login) {
  const AclUser* found = Verified(session, login);
  if (found == nullptr || found == session.State().user) return found;
  return session.Services().book.Loads().Take(found->Name()).IsTaken() ? found : nullptr;
}

std::string DenialOf(ClientSession& session, const AclUser& user, const protocol::CommandSpec& spec,
                     std::span<const std::string_view> args) {
  const bool is_executing = session.State().is_executing;
  std::vector<protocol::KeyPosition>& keys = session.Services().acl_keys;
  const protocol::AclVerdict verdict = protocol::CheckAcl(user, spec, args, keys);
  if (!verdict.IsAllowed()) {
    Note(session, user.Name(), verdict, spec, args);
    return (is_executing ? protocol::AclRefusalAtExec(verdict)
                         : protocol::AclRefusal(verdict, spec)) +
           WhyWithheld(session, user.Name(), verdict, spec, args);
  }
  // A shard runs transactions as the proxy's own user.
  if (RunsScript(spec) && IsInTransaction(session.State())) {
    Note(session, AclLogReason::kCommand, spec.name, user.Name());
    return std::string(kNoQueuedScripts);
  }
  if (spec.name != "sort" && spec.name != "sort_ro") return {};
  const std::string_view word = FirstSortPattern(args);
  if (word.empty() || protocol::MayReadAllKeys(user, spec, args, keys)) return {};
  return "ERR " + std::string(word) +
         " option of SORT denied due to insufficient ACL permissions.";
}

std::string DenialOf(ClientSession& session, const protocol::CommandSpec& spec,
                     std::span<const std::string_view> args) {
  return DenialOf(session, *session.State().user, spec, args);
}

void NoteScriptDenial(ClientSession& session, AclLogReason reason, std::string_view object) {
  if (!session.IsGone()) Note(session, reason, object, session.State().user->Name(), true);
}

void TakeUsers(WorkerServices& services, UserBook::Snapshot users) {
  if (users->version <= services.users->version) return;
  // What sessions refer to stays until all of them refer to the new ones.
  const UserBook::Snapshot before = std::exchange(services.users, std::move(users));
  services.guises.clear();
  for (ClientSession* session : services.sessions.All()) {
    SessionState& state = session->State();
    const AclUser* user = services.users->users.Find(state.user->Name());
    const bool is_removed = user == nullptr;
    const AclUser& old = *state.user;
    // Who has not logged in is let in when that needs no password any more.
    const bool is_let_in =
        user == &services.users->users.Default() && user->IsOpen() && !state.is_authenticated;
    state.user = is_removed ? &services.users->users.Default() : user;
    UpdateRestriction(state);
    if (is_removed) BecomeNobody(*session);
    if (is_let_in) Become(*session, *user);
    session->ApplyParserLimits();
    if (is_removed) {
      CutOff(*session, *services.users, "its user was removed");
    } else if (!MayGoOnListening(*session, *user)) {
      CutOff(*session, *services.users, "its user may not listen to this any more");
    } else if (state.is_restricted && !HaveSameRights(old, *user)) {
      session->CheckQueuedAgain();
      if (session->IsBlocked()) RecheckBlocked(*session);
    }
  }
}

}  // namespace slotway::proxy
