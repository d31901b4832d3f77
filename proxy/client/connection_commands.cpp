// SPDX-License-Identifier: Apache-2.0
// Commands about the connection itself: PING, ECHO, AUTH, HELLO, SELECT, QUIT, RESET.
#include <array>
#include <string>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "protocol/server_version.h"
#include "proxy/client/client_session.h"
#include "proxy/client/user_rights.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kHelloNeedsAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
    "RESP protocol version at the same time";

void Ping(LocalCall& call) {
  if (call.args.size() > 2) return call.reply.Error(protocol::error_text::WrongArity("ping"));
  if ((call.session.State().ways & kListens) != 0) {
    call.reply.Array(2);
    call.reply.Bulk("pong");
    return call.reply.Bulk(call.args.size() == 2 ? call.args[1] : std::string_view());
  }
  if (call.args.size() == 2) return call.reply.Bulk(call.args[1]);
  call.reply.SimpleString("PONG");
}

void Echo(LocalCall& call) { call.reply.Bulk(call.args[1]); }

void Auth(LocalCall& call) {
  const bool is_open = call.session.Services().users->users.Default().HasNoPassword();
  const auto login = ReadAuth(call.args, is_open);
  if (!login) return call.reply.Error(login.error());
  const std::string_view error = LogIn(call.session, *login, "AUTH");
  if (!error.empty()) return call.reply.Error(error);
  call.reply.Ok();
}

std::string_view ModeOf(const ClientSession& session) {
  return session.Listener().face == config::ListenerFace::kCluster ? "cluster" : "standalone";
}

void WriteHelloReply(LocalCall& call) {
  const SessionState& state = call.session.State();
  call.reply.Map(7);
  call.reply.Bulk("server");
  call.reply.Bulk("redis");
  call.reply.Bulk("version");
  call.reply.Bulk(protocol::kRedisVersion);
  call.reply.Bulk("proto");
  call.reply.Integer(static_cast<int>(state.resp));
  call.reply.Bulk("id");
  call.reply.Integer(static_cast<std::int64_t>(state.id));
  call.reply.Bulk("mode");
  call.reply.Bulk(ModeOf(call.session));
  call.reply.Bulk("role");
  call.reply.Bulk("master");
  call.reply.Bulk("modules");
  call.reply.Array(0);
}

void Hello(LocalCall& call) {
  SessionState& state = call.session.State();
  const auto hello = ReadHello(call.args);
  if (!hello) return call.reply.Error(hello.error());
  const std::string_view error =
      hello->login ? LogIn(call.session, *hello->login, "HELLO") : std::string_view();
  if (!error.empty()) return call.reply.Error(error);
  if (!state.is_authenticated) return call.reply.Error(kHelloNeedsAuth);
  if (hello->name) state.name = *hello->name;
  if (hello->version) state.resp = static_cast<protocol::RespVersion>(*hello->version);
  call.reply.SetVersion(state.resp);
  WriteHelloReply(call);
}

void Select(LocalCall& call) {
  auto index = protocol::ParseInteger(call.args[1]);
  if (!index) return call.reply.Error(protocol::error_text::kNotInteger);
  const WorkerServices& services = call.session.Services();
  bool has_slots = services.dispatcher.HasSlots();
  bool is_cluster = call.session.Listener().face == config::ListenerFace::kCluster;
  std::int64_t databases = has_slots ? 1 : services.settings.backend.databases;
  if (is_cluster && *index != 0) {
    return call.reply.Error(protocol::error_text::kSelectInCluster);
  }
  if (*index < 0 || *index >= databases) {
    return call.reply.Error(protocol::error_text::kDbIndexOutOfRange);
  }
  call.session.State().database = static_cast<std::uint16_t>(*index);
  call.reply.Ok();
}

void Quit(LocalCall& call) {
  call.reply.Ok();
  call.session.CloseWhenAnswered();
}

void Reset(LocalCall& call) {
  call.session.LeaveSubscriptions();
  call.session.StopTracking();
  call.session.LeaveWays();
  SessionState& state = call.session.State();
  SessionState fresh;
  fresh.id = state.id;
  fresh.connected_at_ms = state.connected_at_ms;
  fresh.last_request_at_ms = state.last_request_at_ms;
  fresh.library_name = state.library_name;
  fresh.library_version = state.library_version;
  fresh.ways = call.session.Services().common_ways;
  fresh.last_command = state.last_command;
  fresh.last_learned = state.last_learned;
  state = fresh;
  BecomeFirstUser(call.session);
  call.session.ApplyParserLimits();
  call.reply.SimpleString("RESET");
}

constexpr std::array kCommands = {
    LocalCommand{"ping", Ping, false, InTransaction::kQueued, true},
    LocalCommand{"echo", Echo},
    LocalCommand{"auth", Auth},
    LocalCommand{"hello", Hello, true},
    LocalCommand{"select", Select, false, InTransaction::kOnShardToo},
    LocalCommand{"quit", Quit, false, InTransaction::kAtOnce, true},
    LocalCommand{"reset", Reset, true, InTransaction::kAtOnce, true},
};

}  // namespace

std::span<const LocalCommand> ConnectionCommands() { return kCommands; }

}  // namespace slotway::proxy
