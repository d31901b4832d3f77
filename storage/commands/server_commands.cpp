// SPDX-License-Identifier: Apache-2.0
// The process: TIME, LASTSAVE, ROLE, SHUTDOWN, WAIT, WAITAOF, LOLWUT, CLUSTER, ACL WHOAMI.
#include <string>
#include <string_view>

#include "protocol/server_version.h"
#include "runtime/clock.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

void TimeCommand(CommandContext& ctx) {
  std::int64_t now_us = runtime::UnixUs();
  ctx.reply.Array(2);
  ctx.reply.BulkInteger(now_us / 1000000);
  ctx.reply.BulkInteger(now_us % 1000000);
}

void LastsaveCommand(CommandContext& ctx) { ctx.reply.Integer(ctx.server.last_save_time_s); }

void RoleCommand(CommandContext& ctx) {
  ctx.reply.Array(3);
  ctx.reply.Bulk("master");
  ctx.reply.Integer(ctx.server.replication.offset);
  ctx.reply.Array(0);
}

void ShutdownCommand(CommandContext& ctx) {
  bool saves = false;
  bool is_nosave = false;
  bool aborts = false;
  for (std::string_view word : ctx.args.subspan(1)) {
    if (EqualsNoCase(word, "nosave")) {
      is_nosave = true;
    } else if (EqualsNoCase(word, "save")) {
      saves = true;
    } else if (EqualsNoCase(word, "abort")) {
      aborts = true;
    } else if (!EqualsNoCase(word, "now") && !EqualsNoCase(word, "force")) {
      ctx.SyntaxError();
      return;
    }
  }
  if ((saves && is_nosave) || (aborts && ctx.args.size() > 2)) {
    ctx.SyntaxError();
    return;
  }
  if (aborts) {
    ctx.Error("ERR No shutdown in progress.");
    return;
  }
  if (saves) {
    ctx.Error("ERR SHUTDOWN SAVE is not supported by this version of Slotway");
    return;
  }
  // No answer: the client sees the connection close.
  ctx.server.request_shutdown();
}

bool ReadTimeout(CommandContext& ctx, std::size_t index) {
  std::int64_t timeout_ms = 0;
  if (!ReadInteger(ctx, index, timeout_ms, "ERR timeout is not an integer or out of range")) {
    return false;
  }
  if (timeout_ms < 0) ctx.Error("ERR timeout is negative");
  return timeout_ms >= 0;
}

// No replica can attach to this version: there is nothing to wait for.
void WaitCommand(CommandContext& ctx) {
  std::int64_t replicas = 0;
  if (!ReadInteger(ctx, 1, replicas) || !ReadTimeout(ctx, 2)) return;
  ctx.reply.Integer(0);
}

void WaitaofCommand(CommandContext& ctx) {
  std::int64_t local = 0;
  std::int64_t replicas = 0;
  if (!ReadInteger(ctx, 1, local) || !ReadInteger(ctx, 2, replicas) || !ReadTimeout(ctx, 3)) return;
  if (local < 0 || local > 1 || replicas < 0) {
    ctx.Error("ERR value is out of range, must be positive");
    return;
  }
  if (local > 0) {
    ctx.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    return;
  }
  ctx.reply.Array(2);
  ctx.reply.Integer(0);
  ctx.reply.Integer(0);
}

void LolwutCommand(CommandContext& ctx) {
  std::string text = "Slotway ";
  text.append(protocol::kSlotwayVersion).append(": one way in to every slot.\nRedis ver. ");
  text.append(protocol::kRedisVersion).append("\n");
  ctx.reply.Verbatim("txt", text);
}

// CLUSTER and every subcommand of it: the cluster room reads the arguments itself.
void ClusterCommand(CommandContext& ctx) {
  if (!ctx.server.run_cluster_command) {
    ctx.Error("ERR This instance has cluster support disabled");
    return;
  }
  ctx.server.run_cluster_command(ctx);
}

void AclWhoamiCommand(CommandContext& ctx) { ctx.reply.Bulk(ctx.client.user); }

void ModuleListCommand(CommandContext& ctx) { ctx.reply.Array(0); }

}  // namespace

std::span<const HandlerRow> ServerHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"time", &TimeCommand},
      {"lastsave", &LastsaveCommand},
      {"role", &RoleCommand},
      {"shutdown", &ShutdownCommand},
      {"wait", &WaitCommand},
      {"waitaof", &WaitaofCommand},
      {"lolwut", &LolwutCommand},
      {"acl|whoami", &AclWhoamiCommand},
      {"module|list", &ModuleListCommand},
  };
  return kRows;
}

// Every row of CLUSTER leads to one function.
void AddClusterHandlers(HandlerTable& table) {
  const protocol::CommandSpec* cluster = protocol::FindCommand("cluster");
  for (const protocol::CommandSpec& subcommand : cluster->subcommands) {
    HandlerRow row{subcommand.name, &ClusterCommand};
    table.Add({&row, 1});
  }
}

}  // namespace slotway::storage
