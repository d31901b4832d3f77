// SPDX-License-Identifier: Apache-2.0
// A client's own connection: PING, ECHO, AUTH, HELLO, RESET, QUIT, ASKING, READONLY, READWRITE.
#include <optional>
#include <string>
#include <string_view>

#include "protocol/server_version.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/client_name.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/monitor_feed.h"
#include "storage/commands/number_text.h"
#include "storage/commands/transaction.h"

namespace slotway::storage {
namespace {

void PingCommand(CommandContext& ctx) {
  const bool is_listener = ctx.client.Is(ClientWay::kSubscribed) && !ctx.reply.IsResp3();
  if (ctx.args.size() > 2) {
    ctx.ArityError();
  } else if (is_listener) {
    // Such a client expects nothing but messages.
    ctx.reply.Array(2);
    ctx.reply.Bulk("pong");
    ctx.reply.Bulk(ctx.args.size() == 2 ? ctx.args[1] : std::string_view());
  } else if (ctx.args.size() == 2) {
    ctx.reply.Bulk(ctx.args[1]);
  } else {
    ctx.reply.SimpleString("PONG");
  }
}

void EchoCommand(CommandContext& ctx) { ctx.reply.Bulk(ctx.args[1]); }

// True when the client may now send commands; else the error has been answered.
bool Authenticate(CommandContext& ctx, std::string_view user, std::string_view password) {
  if (LogIn(ctx.server, ctx.client, user, password)) return true;
  NoteFailedLogin(ctx.server, ctx.client, user, ctx.args[0]);
  ctx.Error(protocol::error_text::kWrongPass);
  return false;
}

void AuthCommand(CommandContext& ctx) {
  if (ctx.args.size() > 3) {
    ctx.SyntaxError();
    return;
  }
  if (ctx.args.size() == 2 && ctx.server.users.Default().HasNoPassword()) {
    ctx.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
    return;
  }
  bool has_user = ctx.args.size() == 3;
  if (Authenticate(ctx, has_user ? ctx.args[1] : "default", ctx.args.back())) ctx.reply.Ok();
}

struct HelloOptions {
  protocol::RespVersion version;
  std::string_view user = {};
  std::string_view password = {};
  bool authenticates = false;
  std::optional<std::string_view> name;
};

bool ReadHelloOptions(CommandContext& ctx, HelloOptions& options) {
  if (ctx.args.size() == 1) return true;
  auto version = ParseInteger(ctx.args[1]);
  if (!version) {
    ctx.Error("ERR Protocol version is not an integer or out of range");
    return false;
  }
  if (*version != 2 && *version != 3) {
    ctx.Error(protocol::error_text::kNoProto);
    return false;
  }
  options.version = static_cast<protocol::RespVersion>(*version);
  for (std::size_t i = 2; i < ctx.args.size(); ++i) {
    std::size_t left = ctx.args.size() - i - 1;
    if (EqualsNoCase(ctx.args[i], "auth") && left >= 2) {
      options.authenticates = true;
      options.user = ctx.args[++i];
      options.password = ctx.args[++i];
    } else if (EqualsNoCase(ctx.args[i], "setname") && left >= 1) {
      options.name = ctx.args[++i];
      if (!IsClientNameAllowed(*options.name)) {
        ctx.Error(kClientNameError);
        return false;
      }
    } else {
      ctx.Error("ERR Syntax error in HELLO option '" + std::string(ctx.args[i]) + "'");
      return false;
    }
  }
  return true;
}

void HelloCommand(CommandContext& ctx) {
  HelloOptions options{.version = ctx.client.resp_version, .name = std::nullopt};
  if (!ReadHelloOptions(ctx, options)) return;
  if (options.authenticates && !Authenticate(ctx, options.user, options.password)) return;
  if (MustLogIn(ctx.server, ctx.client)) {
    ctx.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
    return;
  }
  if (options.name) ctx.client.name = *options.name;
  ctx.client.resp_version = options.version;
  ReplyWriter reply(ctx.output, options.version);  // already in the version agreed on
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(protocol::kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(static_cast<int>(options.version));
  reply.Bulk("id");
  reply.Integer(static_cast<std::int64_t>(ctx.client.id));
  reply.Bulk("mode");
  reply.Bulk(ctx.server.IsClusterEnabled() ? "cluster" : "standalone");
  reply.Bulk("role");
  reply.Bulk(ctx.server.replication.is_replica ? "replica" : "master");
  reply.Bulk("modules");
  reply.Array(0);
}

void ResetCommand(CommandContext& ctx) {
  ClientState& client = ctx.client;
  DropTransaction(ctx.server, client);
  ctx.server.pubsub.LeaveAll(client);
  ctx.server.tracking.Stop(client);
  StopMonitoring(ctx.server, client);
  client.db_index = 0;
  client.resp_version = protocol::RespVersion::kResp2;
  client.reply_mode = ReplyMode::kOn;
  BecomeDefaultUser(ctx.server, client);
  client.is_readonly = false;
  client.is_asking = false;
  client.is_no_evict = false;
  client.is_no_touch = false;
  client.replicas_to_ack = 0;
  client.name.clear();
  ctx.reply.SimpleString("RESET");
}

void QuitCommand(CommandContext& ctx) {
  ctx.client.closes_after_reply = true;
  ctx.reply.Ok();
}

bool CheckClusterEnabled(CommandContext& ctx) {
  if (ctx.server.IsClusterEnabled()) return true;
  ctx.Error("ERR This instance has cluster support disabled");
  return false;
}

void AskingCommand(CommandContext& ctx) {
  if (!CheckClusterEnabled(ctx)) return;
  ctx.client.is_asking = true;
  ctx.reply.Ok();
}

void ReadonlyCommand(CommandContext& ctx) {
  if (!CheckClusterEnabled(ctx)) return;
  ctx.client.is_readonly = true;
  ctx.reply.Ok();
}

void ReadwriteCommand(CommandContext& ctx) {
  if (!CheckClusterEnabled(ctx)) return;
  ctx.client.is_readonly = false;
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> ConnectionHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"ping", &PingCommand},     {"echo", &EchoCommand},         {"auth", &AuthCommand},
      {"hello", &HelloCommand},   {"reset", &ResetCommand},       {"quit", &QuitCommand},
      {"asking", &AskingCommand}, {"readonly", &ReadonlyCommand}, {"readwrite", &ReadwriteCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
