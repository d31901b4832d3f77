// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/data_snapshot.h"

#include <algorithm>
#include <iterator>

#include "protocol/server_version.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/number_text.h"
#include "storage/commands/script_host.h"
#include "storage/commands/server_state.h"
#include "storage/persistence/crc64.h"

namespace slotway::storage {
namespace {

// Behind the libraries of a payload of functions: version and checksum.
constexpr std::size_t kPayloadFooterBytes = 10;
// Files with more aux fields than this are read, but not all of the fields are kept.
constexpr std::size_t kAuxMax = 64;

std::vector<std::string> LibrariesOf(const ServerState& server) {
  std::vector<std::string> libraries;
  if (server.scripts == nullptr) return libraries;
  const std::string payload = server.scripts->DumpFunctions();
  RdbReader reader(std::string_view(payload).substr(0, payload.size() - kPayloadFooterBytes));
  while (!reader.AtEnd()) {
    reader.Byte();
    reader.String(libraries.emplace_back());
  }
  return libraries;
}

std::string PayloadOf(std::string_view library) {
  std::string payload;
  RdbWriter writer(payload);
  payload.push_back(static_cast<char>(RdbOpcode::kFunction));
  writer.String(library);
  writer.LittleEndian(kRdbVersionRedis70, 2);
  writer.LittleEndian(Crc64(payload), 8);
  return payload;
}

}  // namespace

SnapshotSource SnapshotSourceOf(ServerState& server) {
  const config::ShardConfig& config = server.Config();
  SnapshotSource source;
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    if (Keyspace* database = server.DatabaseIfUsed(i)) source.databases.push_back({i, database});
  }
  source.aux = {{"redis-ver", std::string(protocol::kRedisVersion)},
                {"redis-bits", "64"},
                {"ctime", std::to_string(server.now_ms / 1000)},
                {"used-mem", std::to_string(server.UsedMemoryBytes())}};
  source.libraries = LibrariesOf(server);
  source.options.version = static_cast<int>(config.rdb_version);
  source.options.compresses = config.rdbcompression;
  source.options.has_checksum = config.rdbchecksum;
  if (IsLru(config.maxmemory_policy)) source.access = SnapshotSource::Access::kIdle;
  if (IsLfu(config.maxmemory_policy)) source.access = SnapshotSource::Access::kFrequency;
  source.now_ms = server.now_ms;
  source.key_delay_us = config.rdb_key_save_delay_us;
  return source;
}

SnapshotSource SavedSourceOf(ServerState& server) {
  SnapshotSource source = SnapshotSourceOf(server);
  const ReplicationFacts& facts = server.replication;
  const bool is_of_history = facts.has_log && (!facts.is_replica || facts.master.has_copy);
  if (is_of_history) AddHistory(source, facts.history, facts.history.stream_db);
  return source;
}

void AddHistory(SnapshotSource& source, const ReplicationHistory& history, int stream_db) {
  source.aux.push_back({"repl-stream-db", std::to_string(stream_db)});
  source.aux.push_back({"repl-id", history.id});
  source.aux.push_back({"repl-offset", std::to_string(history.offset)});
}

SnapshotSource LogBaseSourceOf(ServerState& server) {
  SnapshotSource source = SnapshotSourceOf(server);
  source.aux.push_back({"aof-base", "1"});
  return source;
}

RdbReadOptions RdbReadOptionsOf(const ServerState& server, bool drops_due_keys, LoadPolicy policy) {
  RdbReadOptions options;
  options.limits = ValueLimitsOf(server.Config());
  options.now_ms = server.now_ms;
  options.drops_due_keys = drops_due_keys;
  options.existing =
      policy == LoadPolicy::kReplaces ? RdbExisting::kIsReplaced : RdbExisting::kIsError;
  options.is_lfu = IsLfu(server.Config().maxmemory_policy);
  return options;
}

Keyspace* ServerReadTarget::Database(std::uint64_t index) {
  const auto count = static_cast<std::uint64_t>(server_.DatabaseCount());
  return index < count ? &server_.Database(static_cast<int>(index)) : nullptr;
}

void ServerReadTarget::Aux(std::string_view name, std::string_view value) {
  if (aux_.size() < kAuxMax) aux_.push_back({std::string(name), std::string(value)});
}

std::optional<std::string> ServerReadTarget::Function(std::string_view library) {
  if (server_.scripts == nullptr) return std::nullopt;
  const FunctionRestore policy =
      policy_ == LoadPolicy::kReplaces ? FunctionRestore::kReplace : FunctionRestore::kAppend;
  if (server_.scripts->RestoreFunctions(PayloadOf(library), policy)) return std::nullopt;
  return "it cannot be loaded";
}

const std::string* ServerReadTarget::FindAux(std::string_view name) const {
  const auto found =
      std::find_if(aux_.begin(), aux_.end(), [&](const RdbAux& aux) { return aux.name == name; });
  return found == aux_.end() ? nullptr : &found->value;
}

std::optional<ReplicationHistory> ServerReadTarget::History() const {
  constexpr std::size_t kIdBytes = 40;
  const std::string* id = FindAux("repl-id");
  const std::string* offset = FindAux("repl-offset");
  const std::string* stream_db = FindAux("repl-stream-db");
  if (id == nullptr || offset == nullptr || stream_db == nullptr) return std::nullopt;
  const auto offset_number = ParseInteger(*offset);
  const auto db_number = ParseInteger(*stream_db);
  // Files of old servers say -1 where they do not know.
  const bool is_good = id->size() == kIdBytes && offset_number && *offset_number >= 0 &&
                       *offset_number <= kReplOffsetMax &&
                       db_number && *db_number >= 0 && *db_number < server_.DatabaseCount();
  if (!is_good) return std::nullopt;
  ReplicationHistory history;
  history.id = *id;
  history.offset = *offset_number;
  history.stream_db = static_cast<int>(*db_number);
  return history;
}

void FlushForLoading(ServerState& server, bool with_functions) {
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    Keyspace* database = server.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    server.WillFlush(i);
    database->FlushAll();
  }
  InvalidateAll(server);
  if (!with_functions || server.scripts == nullptr) return;
  std::string nothing;
  RdbWriter writer(nothing);
  writer.LittleEndian(kRdbVersionRedis70, 2);
  writer.LittleEndian(Crc64(nothing), 8);
  server.scripts->RestoreFunctions(nothing, FunctionRestore::kFlush);
}

}  // namespace slotway::storage
