// SPDX-License-Identifier: Apache-2.0
// DEBUG: what test suites ask of a server, as far as it is meaningful here.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/log.h"
#include "storage/commands/command_context.h"
#include "storage/commands/debug_protocol.h"
#include "storage/commands/debug_reload.h"
#include "storage/commands/due_keys.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/number_text.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/value_digest.h"
#include "storage/persistence/dump_payload.h"
#include "storage/types/quicklist.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
    "can run it from a local connection, otherwise you need to set this option in the "
    "configuration file, and then restart the server.";

bool IsUnixClient(const ClientState& client) {
  return client.connection != nullptr && client.connection->LocalAddress().IsUnix();
}

bool IsAllowed(const CommandContext& ctx) {
  config::LocalOnly who = ctx.server.Config().enable_debug_command;
  if (who == config::LocalOnly::kYes) return true;
  bool is_local = ctx.client.address.starts_with("127.") ||
                  ctx.client.address.starts_with("[::1]") || IsUnixClient(ctx.client);
  return who == config::LocalOnly::kLocal && is_local;
}

// Stops the engine on purpose: tests want a server that hangs.
void DebugSleep(CommandContext& ctx) {
  auto seconds = ParseDouble(ctx.args[2]);
  std::this_thread::sleep_for(
      std::chrono::duration<double>(std::clamp(seconds.value_or(0), 0.0, 3600.0)));
  ctx.reply.Ok();
}

void DebugAofFlushSleep(CommandContext& ctx) {
  constexpr std::int64_t kSleepMaxUs = 10'000'000;
  const auto sleep_us = ParseInteger(ctx.args[2]);
  if (!sleep_us) return ctx.Error(protocol::error_text::kNotInteger);
  ctx.server.persistence_host->SlowDownLog(
      std::chrono::microseconds(std::clamp<std::int64_t>(*sleep_us, 0, kSleepMaxUs)));
  ctx.reply.Ok();
}

void AddListSettings(CommandContext& ctx, const Entry& entry, std::string& text) {
  const config::ShardConfig& config = ctx.server.Config();
  const auto& list = static_cast<const Quicklist&>(*entry.Object());
  text.append(" ql_nodes:").append(std::to_string(list.NodeCount()));
  text.append(" ql_listpack_max:").append(std::to_string(config.list_max_listpack_size));
  text.append(" ql_compressed:").append(config.list_compress_depth != 0 ? "1" : "0");
}

void DebugObject(CommandContext& ctx) {
  // As long as nobody else has met it, a key whose time has come is shown.
  const DueKeysShown shown(ctx.db);
  const Entry entry = ctx.Peek(ctx.Key(2));
  if (!entry) {
    ctx.Error(protocol::error_text::kNoSuchKey);
    return;
  }
  std::string text = "Value at:0x0 refcount:1 encoding:";
  text.append(EncodingName(entry.encoding()));
  // Of a payload without its type, version and checksum.
  constexpr std::size_t kBesideValue = 11;
  const std::size_t length = DumpValue(ctx.db, entry).size() - kBesideValue;
  text.append(" serializedlength:").append(std::to_string(length));
  text.append(" lru:").append(std::to_string(ctx.db.AccessBits(entry, ctx.now_ms)));
  text.append(" lru_seconds_idle:").append(std::to_string(ctx.db.IdleSeconds(entry, ctx.now_ms)));
  if (entry.encoding() == Encoding::kQuicklist) AddListSettings(ctx, entry, text);
  ctx.reply.SimpleString(text);
}

void DebugDigest(CommandContext& ctx) {
  runtime::Sha1Digest digest{};
  for (int i = 0; i < ctx.server.DatabaseCount(); ++i) {
    Keyspace* database = ctx.server.DatabaseIfUsed(i);
    if (database != nullptr) MixDatabase(digest, i, *database, ctx.now_ms);
  }
  ctx.reply.SimpleString(runtime::HexOf(digest));
}

// Of absent keys: zeros.
void DebugDigestValue(CommandContext& ctx) {
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::size_t i = 2; i < ctx.args.size(); ++i) {
    runtime::Sha1Digest digest{};
    if (const Entry entry = ctx.Peek(ctx.Key(i))) MixValue(digest, ctx.db, entry);
    ctx.reply.SimpleString(runtime::HexOf(digest));
  }
}

// DEBUG POPULATE count [prefix] [size]
void DebugPopulate(CommandContext& ctx) {
  auto count = ParseInteger(ctx.args[2]);
  auto size = ctx.args.size() == 5 ? ParseInteger(ctx.args[4]) : 0;
  if (!count || *count < 0 || !size || *size < 0 ||
      *size > ctx.server.Config().proto_max_bulk_len) {
    ctx.Error("ERR value is out of range, must be positive");
    return;
  }
  std::string prefix(ctx.args.size() > 3 ? ctx.args[3] : "key");
  for (std::int64_t i = 0; i < *count; ++i) {
    std::string key = prefix + ":" + std::to_string(i);
    KeyRef ref{protocol::SlotOfKey(key), key};
    if (ctx.Peek(ref)) continue;
    std::string value = "value:" + std::to_string(i);
    if (*size > 0) value.resize(static_cast<std::size_t>(*size), '\0');
    ctx.db.SetString(ref.slot, key, value, TtlChange::Clear(), ctx.now_ms);
    ctx.KeyChanged(ref, config::kNotifyString, "set");
  }
  ctx.reply.Ok();
}

// A setting of redis.conf but for its name, so that lists have their limits from one place.
void DebugQuicklistPackedThreshold(CommandContext& ctx) {
  if (ctx.server.settings.Set("quicklist-packed-threshold", ctx.args[2])) {
    ctx.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  } else {
    ctx.reply.Ok();
  }
}

void SetSwitch(CommandContext& ctx, bool& target) {
  target = ctx.args[2] != "0";
  ctx.reply.Ok();
}

void DebugSetActiveExpire(CommandContext& ctx) { SetSwitch(ctx, ctx.server.active_expiry_enabled); }
void DebugPauseCron(CommandContext& ctx) { SetSwitch(ctx, ctx.server.is_cron_paused); }
void DebugSetDisableDenyScripts(CommandContext& ctx) {
  SetSwitch(ctx, ctx.server.scripts_may_call_all);
}

void DebugReplyBuffer(CommandContext& ctx) {
  if (!EqualsNoCase(ctx.args[2], "resizing")) return ctx.SubcommandError("DEBUG");
  const bool is_switch = ctx.args[3] == "0" || ctx.args[3] == "1";
  // Replies stand in chunks that come and go: there is nothing to resize, on or off.
  is_switch ? ctx.reply.Ok() : ctx.SyntaxError();
}

void DebugDropBusMessages(CommandContext& ctx) {
  const auto type = ParseInteger(ctx.args[2]);
  if (!type) return ctx.Error(protocol::error_text::kNotInteger);
  ctx.server.cluster.ignored_message = *type;
  ctx.reply.Ok();
}

// DEBUG CLUSTERLINK KILL (to|from|all) node
void DebugClusterLink(CommandContext& ctx) {
  if (!EqualsNoCase(ctx.args[2], "kill")) return ctx.SubcommandError("DEBUG");
  if (!ctx.server.cluster.cut_links) {
    return ctx.Error("ERR Debug option only available for cluster mode enabled setup!");
  }
  const bool is_all = EqualsNoCase(ctx.args[3], "all");
  const bool incoming = is_all || EqualsNoCase(ctx.args[3], "from");
  const bool outgoing = is_all || EqualsNoCase(ctx.args[3], "to");
  if (!ctx.server.cluster.cut_links(ctx.args[4], incoming, outgoing)) {
    return ctx.Error("ERR Unknown node " + std::string(ctx.args[4]));
  }
  if (!incoming && !outgoing) {
    return ctx.Error("ERR Unknown direction " + std::string(ctx.args[3]));
  }
  ctx.reply.Ok();
}

// Only replicas hear it.
void DebugReplicate(CommandContext& ctx) {
  if (ctx.server.propagation.IsOn()) {
    ctx.server.propagation.Add(ctx.client.db_index, ctx.args.subspan(2), Audience::kReplicas);
  }
  ctx.reply.Ok();
}

void DebugLog(CommandContext& ctx) {
  runtime::LogWarning("DEBUG LOG: {}", ctx.args[2]);
  ctx.reply.Ok();
}

void DebugError(CommandContext& ctx) { ctx.Error(ctx.args[2]); }

void DebugChangeReplId(CommandContext& ctx) {
  ctx.server.replication.history.id = ctx.server.random.HexId();
  ctx.reply.Ok();
}

void DebugHelp(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "AOF-FLUSH-SLEEP <microseconds>",
      "    Wait so long before each write to the append-only log.",
      "CHANGE-REPL-ID",
      "    Take a new replication id.",
      "CLUSTERLINK KILL (TO|FROM|ALL) <node id>",
      "    Close the link of the bus to or from a node, or both.",
      "DIGEST",
      "    A digest of all keys and values.",
      "DIGEST-VALUE [<key> ...]",
      "    A digest of each value.",
      "DROP-CLUSTER-PACKET-FILTER <type>",
      "    Ignore messages of the cluster bus of this type. -1: none.",
      "ERROR <text>",
      "    Answer this error.",
      "LOADAOF",
      "    Write the append-only log to the disk, forget all data, and load it from there.",
      "LOG <text>",
      "    Write a line to the log.",
      "OBJECT <key>",
      "    How a key is kept.",
      "PAUSE-CRON (0|1)",
      "    Whether nothing happens by itself: no expiry, no statistics.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Make keys.",
      "PROTOCOL <type>",
      "    Answer a value of this RESP type.",
      "QUICKLIST-PACKED-THRESHOLD <bytes>",
      "    The size from which on elements of long lists stand alone. 0: there is none.",
      "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
      "    Save all data to the RDB file, forget it, and load it again.",
      "REPLICATE <command>",
      "    Send this to the replicas alone, whatever it is.",
      "REPLYBUFFER RESIZING (0|1)",
      "    Whether buffers of replies change their size. Here replies have none of a fixed size.",
      "SET-ACTIVE-EXPIRE (0|1)",
      "    Whether due keys are deleted without being accessed.",
      "SET-DISABLE-DENY-SCRIPTS (0|1)",
      "    Whether scripts may call what they must not.",
      "SLEEP <seconds>",
      "    Stop serving for this long.",
  };
  ReplyHelp(ctx, "DEBUG", kLines);
}

struct DebugSubcommand {
  std::string_view name;
  std::size_t args_min;  // behind DEBUG name
  std::size_t args_max;
  CommandHandler handler;
};
constexpr DebugSubcommand kSubcommands[] = {
    {"sleep", 1, 1, &DebugSleep},
    {"aof-flush-sleep", 1, 1, &DebugAofFlushSleep},
    {"object", 1, 2, &DebugObject},
    {"digest", 0, 0, &DebugDigest},
    {"digest-value", 0, SIZE_MAX, &DebugDigestValue},
    {"set-active-expire", 1, 1, &DebugSetActiveExpire},
    {"populate", 1, 3, &DebugPopulate},
    {"error", 1, 1, &DebugError},
    {"protocol", 1, 1, &DebugProtocol},
    {"change-repl-id", 0, 0, &DebugChangeReplId},
    {"reload", 0, 3, &DebugReload},
    {"loadaof", 0, 0, &DebugLoadLog},
    {"replybuffer", 2, 2, &DebugReplyBuffer},
    {"pause-cron", 1, 1, &DebugPauseCron},
    {"set-disable-deny-scripts", 1, 1, &DebugSetDisableDenyScripts},
    {"quicklist-packed-threshold", 1, 1, &DebugQuicklistPackedThreshold},
    {"drop-cluster-packet-filter", 1, 1, &DebugDropBusMessages},
    {"clusterlink", 3, 3, &DebugClusterLink},
    {"log", 1, 1, &DebugLog},
    {"replicate", 1, SIZE_MAX, &DebugReplicate},
    {"help", 0, 0, &DebugHelp},
};

void DebugCommand(CommandContext& ctx) {
  if (!IsAllowed(ctx)) {
    ctx.Error(kNotAllowed);
    return;
  }
  std::size_t count = ctx.args.size() - 2;
  for (const DebugSubcommand& subcommand : kSubcommands) {
    if (!EqualsNoCase(ctx.args[1], subcommand.name)) continue;
    if (count < subcommand.args_min || count > subcommand.args_max) break;
    subcommand.handler(ctx);
    return;
  }
  ctx.SubcommandError("DEBUG");
}

}  // namespace

std::span<const HandlerRow> DebugHandlers() {
  static constexpr HandlerRow kRows[] = {{"debug", &DebugCommand}};
  return kRows;
}

}  // namespace slotway::storage
