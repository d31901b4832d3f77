// SPDX-License-Identifier: Apache-2.0
// CLIENT: who is connected, and what each connection wants.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/client_description.h"
#include "storage/commands/client_name.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

void ClientIdCommand(CommandContext& ctx) {
  ctx.reply.Integer(static_cast<std::int64_t>(ctx.client.id));
}

void ClientInfoCommand(CommandContext& ctx) {
  ctx.reply.Verbatim("txt", DescribeClient(ctx.client, ctx.now_ms) + "\n");
}

void ClientGetnameCommand(CommandContext& ctx) {
  if (ctx.client.name.empty()) {
    ctx.reply.Null();
  } else {
    ctx.reply.Bulk(ctx.client.name);
  }
}

void ClientSetnameCommand(CommandContext& ctx) {
  if (!IsClientNameAllowed(ctx.args[2])) {
    ctx.Error(kClientNameError);
    return;
  }
  ctx.client.name = ctx.args[2];
  ctx.reply.Ok();
}

void ClientSetinfoCommand(CommandContext& ctx) {
  std::string_view option = ctx.args[2];
  bool is_name = EqualsNoCase(option, "lib-name");
  if (!is_name && !EqualsNoCase(option, "lib-ver")) {
    ctx.Error("ERR Unrecognized option '" + std::string(option) + "'");
    return;
  }
  if (!IsClientNameAllowed(ctx.args[3])) {
    ctx.Error("ERR " + std::string(is_name ? "lib-name" : "lib-ver") +
              " cannot contain spaces, newlines or special characters.");
    return;
  }
  (is_name ? ctx.client.library_name : ctx.client.library_version) = ctx.args[3];
  ctx.reply.Ok();
}

enum class ClientType : std::uint8_t { kNormal, kPubsub, kReplica, kMaster };

// NORMAL, PUBSUB, REPLICA (SLAVE), MASTER.
std::optional<ClientType> ReadClientType(CommandContext& ctx, std::string_view type) {
  if (EqualsNoCase(type, "normal")) return ClientType::kNormal;
  if (EqualsNoCase(type, "pubsub")) return ClientType::kPubsub;
  if (EqualsNoCase(type, "replica") || EqualsNoCase(type, "slave")) return ClientType::kReplica;
  if (EqualsNoCase(type, "master")) return ClientType::kMaster;
  ctx.Error("ERR Unknown client type '" + std::string(type) + "'");
  return std::nullopt;
}

ClientType TypeOf(const ClientState& client) {
  if (client.is_master) return ClientType::kMaster;
  if (client.Is(ClientWay::kReplica)) return ClientType::kReplica;
  return client.Is(ClientWay::kSubscribed) ? ClientType::kPubsub : ClientType::kNormal;
}

void ReplyClientList(CommandContext& ctx, const std::vector<const ClientState*>& clients) {
  std::string text;
  for (const ClientState* client : clients) {
    text += DescribeClient(*client, ctx.now_ms);
    text += '\n';
  }
  ctx.reply.Verbatim("txt", text);
}

void ClientListCommand(CommandContext& ctx) {
  std::vector<const ClientState*> clients;
  if (ctx.args.size() > 3 && EqualsNoCase(ctx.args[2], "id")) {
    for (std::string_view text : ctx.args.subspan(3)) {
      auto id = ParseInteger(text);
      if (!id) {
        ctx.Error("ERR Invalid client ID");
        return;
      }
      auto found = ctx.server.clients.find(static_cast<std::uint64_t>(*id));
      if (found != ctx.server.clients.end()) clients.push_back(found->second);
    }
    ReplyClientList(ctx, clients);
    return;
  }
  std::optional<ClientType> wanted;
  if (ctx.args.size() == 4 && EqualsNoCase(ctx.args[2], "type")) {
    wanted = ReadClientType(ctx, ctx.args[3]);
    if (!wanted) return;
  } else if (ctx.args.size() != 2) {
    ctx.SyntaxError();
    return;
  }
  for (const auto& [id, client] : ctx.server.clients) {
    if (!wanted || TypeOf(*client) == *wanted) clients.push_back(client);
  }
  ReplyClientList(ctx, clients);
}

struct KillFilter {
  std::optional<std::uint64_t> id;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<ClientType> type;
  const protocol::AclUser* user = nullptr;  // nullptr: any
  bool skips_me = true;

  bool Matches(const ClientState& client) const {
    return (!id || client.id == *id) && (!address || client.address == *address) &&
           (!local_address || client.local_address == *local_address) &&
           (!type || TypeOf(client) == *type) && (user == nullptr || client.user == user);
  }
};

bool ReadKillFilter(CommandContext& ctx, KillFilter& filter) {
  for (std::size_t i = 2; i < ctx.args.size(); i += 2) {
    if (i + 1 >= ctx.args.size()) {
      ctx.SyntaxError();
      return false;
    }
    std::string_view name = ctx.args[i];
    std::string_view value = ctx.args[i + 1];
    if (EqualsNoCase(name, "id")) {
      auto id = ParseInteger(value);
      if (!id || *id < 1) {
        ctx.Error("ERR client-id should be greater than 0");
        return false;
      }
      filter.id = static_cast<std::uint64_t>(*id);
    } else if (EqualsNoCase(name, "type")) {
      filter.type = ReadClientType(ctx, value);
      if (!filter.type) return false;
    } else if (EqualsNoCase(name, "addr")) {
      filter.address = value;
    } else if (EqualsNoCase(name, "laddr")) {
      filter.local_address = value;
    } else if (EqualsNoCase(name, "user")) {
      filter.user = ctx.server.users.Find(value);
      if (filter.user == nullptr) {
        ctx.Error("ERR No such user '" + std::string(value) + "'");
        return false;
      }
    } else if (EqualsNoCase(name, "skipme") &&
               (EqualsNoCase(value, "yes") || EqualsNoCase(value, "no"))) {
      filter.skips_me = EqualsNoCase(value, "yes");
    } else {
      ctx.SyntaxError();
      return false;
    }
  }
  return true;
}

std::int64_t KillClients(CommandContext& ctx, const KillFilter& filter) {
  std::int64_t killed = 0;
  std::vector<std::uint64_t> others;
  for (const auto& [id, client] : ctx.server.clients) {
    bool is_me = client == &ctx.client;
    if (!filter.Matches(*client) || (is_me && filter.skips_me)) continue;
    if (is_me) {
      ctx.client.closes_after_reply = true;
    } else {
      others.push_back(id);
    }
    ++killed;
  }
  // The master is gone from the clients at once.
  for (const std::uint64_t id : others) ctx.server.close_client(id);
  return killed;
}

void ClientKillCommand(CommandContext& ctx) {
  KillFilter filter;
  if (ctx.args.size() == 3) {
    filter.address = ctx.args[2];
    filter.skips_me = false;
    if (KillClients(ctx, filter) == 0) {
      ctx.Error("ERR No such client");
    } else {
      ctx.reply.Ok();
    }
    return;
  }
  if (ReadKillFilter(ctx, filter)) ctx.reply.Integer(KillClients(ctx, filter));
}

void ClientReplyCommand(CommandContext& ctx) {
  if (EqualsNoCase(ctx.args[2], "on")) {
    // The answer has to be heard, also by a client that had silenced us.
    ctx.LoudReply().Ok();
    ctx.client.reply_mode = ReplyMode::kOn;
  } else if (EqualsNoCase(ctx.args[2], "off")) {
    ctx.client.reply_mode = ReplyMode::kOff;
  } else if (EqualsNoCase(ctx.args[2], "skip")) {
    if (ctx.client.reply_mode == ReplyMode::kOn) ctx.client.reply_mode = ReplyMode::kSkipThis;
  } else {
    ctx.SyntaxError();
  }
}

// ON or OFF in args[2].
void ReadSwitch(CommandContext& ctx, bool& target) {
  bool is_on = EqualsNoCase(ctx.args[2], "on");
  if (!is_on && !EqualsNoCase(ctx.args[2], "off")) {
    ctx.SyntaxError();
    return;
  }
  target = is_on;
  ctx.reply.Ok();
}

// The client is counted anew when its requests are done.
void ClientNoEvictCommand(CommandContext& ctx) { ReadSwitch(ctx, ctx.client.is_no_evict); }
void ClientNoTouchCommand(CommandContext& ctx) { ReadSwitch(ctx, ctx.client.is_no_touch); }

// CLIENT ACK-REPLICAS count|majority: of the replies to this connection, beyond
// min-replicas-to-ack.
void ClientAckReplicasCommand(CommandContext& ctx) {
  constexpr std::int64_t kMax = 1000;
  if (EqualsNoCase(ctx.args[2], "majority")) {
    if (!ctx.server.IsClusterEnabled()) {
      ctx.Error("ERR The majority of a shard is known in cluster mode only");
      return;
    }
    ctx.client.replicas_to_ack = kMajorityOfShard;
  } else {
    std::int64_t count = 0;
    constexpr std::string_view kError =
        "ERR The number of replicas must be from 0 to 1000, or 'majority'";
    if (!ReadIntegerIn(ctx, 2, 0, kMax, count, kError)) return;
    ctx.client.replicas_to_ack = count;
  }
  ctx.reply.Ok();
}

void ClientPauseCommand(CommandContext& ctx) {
  bool writes_only = ctx.args.size() == 4 && EqualsNoCase(ctx.args[3], "write");
  if (ctx.args.size() == 4 && !writes_only && !EqualsNoCase(ctx.args[3], "all")) {
    ctx.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    return;
  }
  if (ctx.args.size() > 4) {
    ctx.SyntaxError();
    return;
  }
  auto timeout_ms = ParseInteger(ctx.args[2]);
  auto until_ms = timeout_ms ? AddChecked(*timeout_ms, ctx.now_ms) : std::nullopt;
  if (!until_ms) {
    ctx.Error("ERR timeout is not an integer or out of range");
    return;
  }
  if (*timeout_ms < 0) {
    ctx.Error("ERR timeout is negative");
    return;
  }
  // A pause never shortens or weakens one that is on.
  bool is_on = ctx.server.paused_until_ms > ctx.now_ms;
  ctx.server.pauses_writes_only = writes_only && (!is_on || ctx.server.pauses_writes_only);
  ctx.server.paused_until_ms = is_on ? std::max(ctx.server.paused_until_ms, *until_ms) : *until_ms;
  ctx.server.ApplyExpiryMode();
  ctx.reply.Ok();
}

void ClientUnpauseCommand(CommandContext& ctx) {
  ctx.server.unpause();
  ctx.reply.Ok();
}

// CLIENT UNBLOCK id [TIMEOUT | ERROR]
void ClientUnblockCommand(CommandContext& ctx) {
  const bool has_reason = ctx.args.size() == 4;
  const bool is_error = has_reason && EqualsNoCase(ctx.args[3], "error");
  if (has_reason && !is_error && !EqualsNoCase(ctx.args[3], "timeout")) {
    ctx.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    return;
  }
  std::int64_t id = 0;
  if (!ReadInteger(ctx, 2, id)) return;
  const auto found = ctx.server.clients.find(static_cast<std::uint64_t>(id));
  const bool is_waiting = found != ctx.server.clients.end() && found->second->is_waiting;
  if (is_waiting) {
    ctx.server.end_waiting(*found->second,
                           is_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "");
  }
  ctx.reply.Integer(is_waiting ? 1 : 0);
}

void ClientHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "ACK-REPLICAS (<count>|MAJORITY)",
      "    Holds replies until so many replicas have what they tell of.",
      "CACHING (YES|NO)",
      "    Whether the next command is tracked, with OPTIN or OPTOUT.",
      "GETNAME | SETNAME <name>",
      "    The name that CLIENT LIST shows for this connection.",
      "GETREDIR",
      "    To which connection invalidations are redirected.",
      "ID",
      "    The number of this connection.",
      "INFO",
      "    The line of CLIENT LIST about this connection.",
      "KILL <ip:port> | <filter> <value> [<filter> <value> ...]",
      "    Close connections by ID, ADDR, LADDR, TYPE, USER; SKIPME yes|no spares this one.",
      "LIST [TYPE <type> | ID <id> ...]",
      "    One line per connection.",
      "NO-EVICT (ON|OFF)",
      "    Keep this connection when memory for clients runs out.",
      "NO-TOUCH (ON|OFF)",
      "    Leave the access clocks of keys alone.",
      "PAUSE <ms> [WRITE|ALL] | UNPAUSE",
      "    Hold requests back for a while.",
      "REPLY (ON|OFF|SKIP)",
      "    Whether this connection wants replies.",
      "SETINFO (LIB-NAME|LIB-VER) <text>",
      "    Tell which library speaks.",
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> ...] [OPTIN] [OPTOUT] [NOLOOP]",
      "    Tell when keys have changed that this connection has read.",
      "TRACKINGINFO",
      "    How this connection tracks keys.",
  };
  ReplyHelp(ctx, "CLIENT", kLines);
}

}  // namespace

std::span<const HandlerRow> ClientHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"client|id", &ClientIdCommand},
      {"client|info", &ClientInfoCommand},
      {"client|list", &ClientListCommand},
      {"client|getname", &ClientGetnameCommand},
      {"client|setname", &ClientSetnameCommand},
      {"client|setinfo", &ClientSetinfoCommand},
      {"client|kill", &ClientKillCommand},
      {"client|reply", &ClientReplyCommand},
      {"client|no-evict", &ClientNoEvictCommand},
      {"client|no-touch", &ClientNoTouchCommand},
      {"client|ack-replicas", &ClientAckReplicasCommand},
      {"client|pause", &ClientPauseCommand},
      {"client|unpause", &ClientUnpauseCommand},
      {"client|unblock", &ClientUnblockCommand},
      {"client|help", &ClientHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
