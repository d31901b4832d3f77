// SPDX-License-Identifier: Apache-2.0
// MIGRATE: moves keys to another server, so that each is at every moment on at least one side.
//
// The engine waits until the target has answered, as Redis does: no request may see a key that is
// on its way. A key is deleted here only after the target acknowledged it.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_writer.h"
#include "runtime/blocking_client.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kDefaultTimeoutMs = 1000;

struct MigrateRequest {
  std::uint16_t port = 0;
  std::int64_t db_index = 0;
  std::int64_t timeout_ms = 0;
  bool copies = false;
  bool replaces = false;
  std::string_view user = {};
  std::string_view password = {};
  std::size_t first_key = 3;
  std::size_t key_count = 1;
};

bool ReadMigrateOptions(CommandContext& ctx, MigrateRequest& request) {
  ArgumentReader reader(ctx, 6);
  while (reader.HasMore()) {
    if (reader.TakeWord("copy")) {
      request.copies = true;
    } else if (reader.TakeWord("replace")) {
      request.replaces = true;
    } else if (reader.TakeWord("auth", 1)) {
      request.password = reader.Take();
    } else if (reader.TakeWord("auth2", 2)) {
      request.user = reader.Take();
      request.password = reader.Take();
    } else if (reader.TakeWord("keys")) {
      if (!ctx.args[3].empty()) {
        reader.Fail(
            "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
        break;
      }
      request.first_key = reader.Position();
      request.key_count = reader.Left();
      break;
    } else {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return false;
  if (!ReadInteger(ctx, 5, request.timeout_ms) || !ReadInteger(ctx, 4, request.db_index)) {
    return false;
  }
  if (request.timeout_ms <= 0) request.timeout_ms = kDefaultTimeoutMs;
  auto port = ParseInteger(ctx.args[2]);
  if (!port || *port < 1 || *port > 65535) {
    ctx.Error("IOERR error or timeout connecting to the client");
    return false;
  }
  request.port = static_cast<std::uint16_t>(*port);
  return true;
}

// The requests to the target: AUTH, SELECT, then one RESTORE per key.
struct Shipment {
  std::string bytes;
  std::size_t preludes = 0;       // replies before those of the keys
  std::vector<std::size_t> keys;  // their places in the arguments
};

void AddPrelude(Shipment& shipment, const MigrateRequest& request) {
  protocol::StringSink sink{shipment.bytes};
  if (request.password.data() != nullptr) {
    std::vector<std::string_view> auth = {"AUTH"};
    if (request.user.data() != nullptr) auth.push_back(request.user);
    auth.push_back(request.password);
    protocol::WriteRequest(sink, std::span<const std::string_view>(auth));
    ++shipment.preludes;
  }
  std::string db_text = std::to_string(request.db_index);
  const std::string_view select[] = {"SELECT", db_text};
  protocol::WriteRequest(sink, std::span<const std::string_view>(select));
  ++shipment.preludes;
}

void AddKey(CommandContext& ctx, Shipment& shipment, const MigrateRequest& request,
            std::size_t index) {
  KeyRef key = ctx.Key(index);
  Entry entry = ctx.FindToRead(key);
  if (!entry) return;
  const std::string payload = DumpValue(ctx.db, entry);
  std::int64_t ttl_ms = 0;
  if (auto at_ms = entry.expire_at_ms()) ttl_ms = std::max<std::int64_t>(*at_ms - ctx.now_ms, 1);
  std::string ttl_text = std::to_string(ttl_ms);
  std::vector<std::string_view> restore = {
      ctx.server.IsClusterEnabled() ? "RESTORE-ASKING" : "RESTORE", key.key, ttl_text, payload};
  if (request.replaces) restore.push_back("REPLACE");
  protocol::StringSink sink{shipment.bytes};
  protocol::WriteRequest(sink, std::span<const std::string_view>(restore));
  shipment.keys.push_back(index);
}

// Reads replies one by one.
class ReplyStream {
 public:
  explicit ReplyStream(runtime::BlockingClient& client) : client_(client) {}

  // False when the connection fails. The reply is without CRLF.
  bool Next(std::string& reply) {
    using Status = protocol::RespReplyScanner::Status;
    while (true) {
      Status status = scanner_.Scan(received_);
      if (status == Status::kMalformed) return false;
      if (status == Status::kReply) break;
      if (!client_.ReceiveSome(received_)) return false;
    }
    reply = received_.substr(0, scanner_.Consumed());
    while (reply.ends_with('\r') || reply.ends_with('\n')) reply.pop_back();
    received_.erase(0, scanner_.Consumed());
    return true;
  }

 private:
  runtime::BlockingClient& client_;
  protocol::RespReplyScanner scanner_;
  std::string received_;
};

// Deletes here what the target acknowledged. The first error of the target, or of the connection,
// is the answer.
void ReceiveAnswers(CommandContext& ctx, const Shipment& shipment, const MigrateRequest& request,
                    runtime::BlockingClient& target) {
  ReplyStream replies(target);
  std::string reply;
  std::string error;
  std::vector<std::string_view> deleted = {"DEL"};
  for (std::size_t i = 0; i < shipment.preludes + shipment.keys.size(); ++i) {
    if (!replies.Next(reply)) {
      error = "IOERR error or timeout reading from target instance";
      break;
    }
    if (reply.starts_with('-')) {
      if (error.empty()) error = "ERR Target instance replied with error: " + reply.substr(1);
      if (i < shipment.preludes) break;
      continue;
    }
    if (i < shipment.preludes || request.copies) continue;
    KeyRef key = ctx.Key(shipment.keys[i - shipment.preludes]);
    if (ctx.db.Delete(key.slot, key.key, ctx.now_ms)) {
      ctx.KeyChanged(key, config::kNotifyGeneric, "del");
      deleted.push_back(key.key);
    }
  }
  ctx.PropagateNothing();
  if (deleted.size() > 1) ctx.PropagateAs(deleted);
  if (error.empty()) {
    ctx.reply.Ok();
  } else {
    ctx.Error(error);
  }
}

void MigrateCommand(CommandContext& ctx) {
  MigrateRequest request;
  if (!ReadMigrateOptions(ctx, request)) return;
  Shipment shipment;
  AddPrelude(shipment, request);
  for (std::size_t i = 0; i < request.key_count; ++i) {
    AddKey(ctx, shipment, request, request.first_key + i);
  }
  if (shipment.keys.empty()) {
    ctx.reply.SimpleString("NOKEY");
    return;
  }
  auto target = runtime::BlockingClient::Connect(std::string(ctx.args[1]), request.port,
                                                 static_cast<std::uint64_t>(request.timeout_ms),
                                                 ctx.server.tls.ToNode(ctx.server.Config().tls_cluster));
  if (!target) {
    ctx.Error("IOERR error or timeout connecting to the client");
  } else if (!target->Send(shipment.bytes)) {
    ctx.Error("IOERR error or timeout writing to target instance");
  } else {
    ReceiveAnswers(ctx, shipment, request, *target);
  }
}

}  // namespace

std::span<const HandlerRow> MigrateHandlers() {
  static constexpr HandlerRow kRows[] = {{"migrate", &MigrateCommand}};
  return kRows;
}

}  // namespace slotway::storage
