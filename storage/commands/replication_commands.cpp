// SPDX-License-Identifier: Apache-2.0
// Masters and replicas: REPLICAOF, SLAVEOF, PSYNC, SYNC, REPLCONF, ROLE, WAIT, WAITAOF, FAILOVER.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/log.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/replication_host.h"
#include "storage/commands/wait_deadline.h"

namespace slotway::storage {
namespace {

void ReplicaofCommand(CommandContext& ctx) {
  if (ctx.server.IsClusterEnabled()) {
    ctx.Error("ERR REPLICAOF not allowed in cluster mode.");
    return;
  }
  ReplicationHost& host = *ctx.server.replication_host;
  if (EqualsNoCase(ctx.args[1], "no") && EqualsNoCase(ctx.args[2], "one")) {
    host.BecomeMaster();
    ctx.reply.Ok();
    return;
  }
  if (host.IsReplica(ctx.client)) {
    ctx.Error("ERR Command is not valid when client is a replica.");
    return;
  }
  std::int64_t port = 0;
  if (!ReadIntegerIn(ctx, 2, 0, 65535, port, "ERR Invalid master port")) return;
  const MasterFacts& master = ctx.server.replication.master;
  if (ctx.server.replication.is_replica && master.host == ctx.args[1] && master.port == port) {
    ctx.reply.SimpleString("OK Already connected to specified master");
    return;
  }
  host.Follow(std::string(ctx.args[1]), static_cast<int>(port));
  ctx.reply.Ok();
}

void SyncCommand(CommandContext& ctx) { ctx.server.replication_host->Attach(ctx, {}, 0); }

// PSYNC id offset [FAILOVER]
void PsyncCommand(CommandContext& ctx) {
  std::int64_t offset = 0;
  if (!ReadInteger(ctx, 2, offset)) {
    runtime::LogWarning("replica {} asks to go on from an offset that is no number",
                        ctx.client.address);
    return;
  }
  ReplicationHost& host = *ctx.server.replication_host;
  if (ctx.args.size() > 3 && EqualsNoCase(ctx.args[3], "failover")) {
    if (const auto error = host.TakeOver(ctx.args[1])) {
      ctx.Error(*error);
      return;
    }
  }
  host.Attach(ctx, ctx.args[1], offset);
}

bool ReadFailover(CommandContext& ctx, FailoverRequest& request, bool& aborts) {
  ArgumentReader reader(ctx, 1);
  while (reader.HasMore()) {
    if (request.timeout_ms == 0 && reader.TakeWord("timeout", 1)) {
      request.timeout_ms = reader.TakeInteger();
      if (request.timeout_ms <= 0) reader.Fail("ERR FAILOVER timeout must be greater than 0");
    } else if (!aborts && reader.TakeWord("abort")) {
      aborts = true;
    } else if (request.host.empty() && reader.TakeWord("to", 2)) {
      request.host = reader.Take();
      request.port = static_cast<int>(reader.TakeInteger());
    } else if (!request.is_forced && reader.TakeWord("force")) {
      request.is_forced = true;
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

void FailoverCommand(CommandContext& ctx) {
  if (ctx.server.IsClusterEnabled()) {
    ctx.Error("ERR FAILOVER not allowed in cluster mode.");
    return;
  }
  FailoverRequest request;
  bool aborts = false;
  if (!ReadFailover(ctx, request, aborts)) return;
  if (aborts && ctx.args.size() > 2) {
    ctx.Error("ERR FAILOVER abort can't be combined with other arguments.");
    return;
  }
  ReplicationHost& host = *ctx.server.replication_host;
  const auto error = aborts ? host.AbortFailover() : host.BeginFailover(request);
  if (error) {
    ctx.Error(*error);
  } else {
    ctx.reply.Ok();
  }
}

void ReplconfCommand(CommandContext& ctx) {
  if (ctx.args.size() % 2 == 0) {
    ctx.SyntaxError();
    return;
  }
  ReplicationHost& host = *ctx.server.replication_host;
  if (EqualsNoCase(ctx.args[1], "ack")) {
    // ACK offset [FACK offset]: not answered.
    const bool has_disk = ctx.args.size() > 4 && EqualsNoCase(ctx.args[3], "fack");
    const auto offset = ParseInteger(ctx.args[2]);
    const auto on_disk = has_disk ? ParseInteger(ctx.args[4]) : std::nullopt;
    if (offset) host.NoteAcknowledged(ctx.client, *offset, on_disk);
    return;
  }
  bool is_silent = false;
  for (std::size_t i = 1; i < ctx.args.size(); i += 2) {
    const auto error = host.Configure(ctx.client, ctx.args[i], ctx.args[i + 1], is_silent);
    if (is_silent) return;
    if (error) {
      ctx.Error(*error);
      return;
    }
  }
  ctx.reply.Ok();
}

std::string_view NameOf(MasterLinkState state) {
  switch (state) {
    case MasterLinkState::kNone:
      return "none";
    case MasterLinkState::kConnect:
      return "connect";
    case MasterLinkState::kConnecting:
      return "connecting";
    case MasterLinkState::kHandshake:
      return "handshake";
    case MasterLinkState::kSync:
      return "sync";
    case MasterLinkState::kConnected:
      return "connected";
  }
  return "unknown";
}

void RoleCommand(CommandContext& ctx) {
  const ReplicationFacts& facts = ctx.server.replication;
  if (facts.is_replica) {
    ctx.reply.Array(5);
    ctx.reply.Bulk("slave");
    ctx.reply.Bulk(facts.master.host);
    ctx.reply.Integer(facts.master.port);
    ctx.reply.Bulk(NameOf(facts.master.state));
    ctx.reply.Integer(facts.master.IsUp() ? facts.history.offset : -1);
    return;
  }
  std::vector<const ReplicaFacts*> online;
  for (const ReplicaFacts& replica : facts.replicas) {
    if (replica.state == "online") online.push_back(&replica);
  }
  ctx.reply.Array(3);
  ctx.reply.Bulk("master");
  ctx.reply.Integer(facts.history.offset);
  ctx.reply.Array(online.size());
  for (const ReplicaFacts* replica : online) {
    ctx.reply.Array(3);
    ctx.reply.Bulk(replica->host);
    ctx.reply.BulkInteger(replica->port);
    ctx.reply.BulkInteger(replica->acknowledged);
  }
}

// Waits for replicas, or disks. `marks` follow the arguments when it is run again: what they have
// to have. False if the client may not wait.
bool WaitForOthers(CommandContext& ctx, std::int64_t deadline_ms,
                   std::initializer_list<std::int64_t> marks) {
  const CommandContext::Wait wait{.keys = {}, .deadline_ms = deadline_ms, .counts_replicas = true};
  if (!ctx.is_run_again) ctx.server.replication_host->AskReplicas();
  std::vector<std::string> again(ctx.args.begin(), ctx.args.end());
  if (!ctx.is_run_again) {
    for (const std::int64_t mark : marks) again.push_back(std::to_string(mark));
  }
  return ctx.WaitFor(wait, std::move(again));
}

std::int64_t MarkAt(const CommandContext& ctx, std::size_t index) {
  return ParseInteger(ctx.args[index]).value_or(0);
}

// WAIT numreplicas timeout, and, when it is run again, the offset that it waits for.
void WaitCommand(CommandContext& ctx) {
  std::int64_t wanted = 0;
  std::int64_t deadline_ms = 0;
  if (ctx.server.replication.is_replica) {
    ctx.Error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis "
        "4.0 if a replica is configured to be writable (which is not the default) writes to "
        "replicas are just local and are not propagated.");
    return;
  }
  if (!ReadInteger(ctx, 1, wanted) || !ReadWaitMs(ctx, 2, deadline_ms)) return;
  const std::int64_t offset =
      ctx.is_run_again ? MarkAt(ctx, 3) : ctx.server.replication.history.offset;
  const std::int64_t acknowledged = ctx.server.replication_host->CountAcknowledged(offset);
  if (acknowledged < wanted && WaitForOthers(ctx, deadline_ms, {offset})) return;
  ctx.reply.Integer(acknowledged);
}

bool ReadWaitaof(CommandContext& ctx, std::int64_t& local, std::int64_t& replicas,
                 std::int64_t& deadline_ms) {
  if (!ReadInteger(ctx, 1, local)) return false;
  if (local < 0 || local > 1) {
    ctx.Error("ERR value is out of range, value must between 0 and 1");
    return false;
  }
  if (!ReadInteger(ctx, 2, replicas)) return false;
  if (replicas < 0) {
    ctx.Error("ERR value is out of range, must be positive");
    return false;
  }
  return ReadWaitMs(ctx, 3, deadline_ms);
}

// WAITAOF numlocal numreplicas timeout, and, when it is run again, the offsets that it waits for:
// of the stream on the replicas' disks, of the log on this one.
void WaitaofCommand(CommandContext& ctx) {
  std::int64_t local = 0;
  std::int64_t replicas = 0;
  std::int64_t deadline_ms = 0;
  if (!ReadWaitaof(ctx, local, replicas, deadline_ms)) return;
  if (ctx.server.replication.is_replica) {
    ctx.Error(
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to "
        "replicas are just local and are not propagated.");
    return;
  }
  const LogFacts& log = ctx.server.persistence.log;
  if (local > 0 && !log.is_on) {
    ctx.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    return;
  }
  const std::int64_t offset =
      ctx.is_run_again ? MarkAt(ctx, 4) : ctx.server.replication.history.offset;
  const auto log_end = static_cast<std::uint64_t>(
      ctx.is_run_again ? MarkAt(ctx, 5) : static_cast<std::int64_t>(log.added_bytes));
  const std::int64_t here = log.is_on && log.is_whole && log.synced_bytes >= log_end ? 1 : 0;
  const std::int64_t elsewhere = ctx.server.replication_host->CountOnDisk(offset);
  if (here < local || elsewhere < replicas) {
    // Asked for, it is brought to the disk at once: nobody waits for the next second.
    if (here < local && !ctx.is_run_again) ctx.server.persistence_host->SyncLogSoon();
    const auto log_mark = static_cast<std::int64_t>(log_end);
    if (WaitForOthers(ctx, deadline_ms, {offset, log_mark})) return;
  }
  ctx.reply.Array(2);
  ctx.reply.Integer(here);
  ctx.reply.Integer(elsewhere);
}

}  // namespace

std::span<const HandlerRow> ReplicationHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"replicaof", &ReplicaofCommand}, {"slaveof", &ReplicaofCommand},
      {"sync", &SyncCommand},           {"psync", &PsyncCommand},
      {"replconf", &ReplconfCommand},   {"role", &RoleCommand},
      {"wait", &WaitCommand},           {"waitaof", &WaitaofCommand},
      {"failover", &FailoverCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
