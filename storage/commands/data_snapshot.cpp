// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/data_snapshot.h"

#include <algorithm>
#include <iterator>

#include "protocol/server_version.h"
#include "protocol/slot.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/number_text.h"
#include "storage/commands/script_host.h"
#include "storage/commands/server_state.h"
#include "protocol/crc64.h"

namespace slotway::storage {
namespace {

// Behind the libraries of a payload of functions: version and checksum.
constexpr std::size_t kPayloadFooterBytes = 10;
// Files with more aux fields than this are read, but not all of the fields are kept.
constexpr std::size_t kAuxMax = 64;

constexpr std::string_view kHistoryNote = "#HISTORY:";
constexpr std::size_t kHistoryIdBytes = 40;

std::optional<ReplicationHistory> HistoryFrom(std::string_view id, std::string_view offset,
                                              std::string_view stream_db, int databases) {
  const auto offset_number = ParseInteger(offset);
  const auto db_number = ParseInteger(stream_db);
  // Files of old servers say -1 where they do not know.
  const bool is_good = id.size() == kHistoryIdBytes && offset_number && *offset_number >= 0 &&
                       *offset_number <= kReplOffsetMax &&
                       db_number && *db_number >= 0 && *db_number < databases;
  if (!is_good) return std::nullopt;
  ReplicationHistory history;
  history.id = id;
  history.offset = *offset_number;
  history.stream_db = static_cast<int>(*db_number);
  return history;
}

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

// Part of the data: see server/hidden_slots.h. "0-9 20-29".
constexpr std::string_view kHiddenSlots = "slotway-hidden-slots";

std::string HiddenSlotsOf(const Keyspace& keys) {
  std::string text;
  int last = -2;
  std::string end;
  for (const protocol::Slot slot : keys.HiddenSlots()) {
    const int number = protocol::ToInt(slot);
    if (number != last + 1) {
      text += end + (text.empty() ? "" : " ") + std::to_string(number) + '-';
    }
    end = std::to_string(number);
    last = number;
  }
  return text + end;
}

void HideSlots(Keyspace& keys, std::string_view text) {
  while (!text.empty()) {
    const std::string_view range = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(range.size() + 1, text.size()));
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return;
    const auto first = ParseInteger(range.substr(0, dash));
    const auto last = ParseInteger(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last >= protocol::kSlotCount) return;
    for (std::int64_t slot = *first; slot <= *last; ++slot)
      keys.HideSlot(protocol::Slot(slot), true);
  }
}

std::string PayloadOf(const std::vector<std::string>& libraries) {
  std::string payload;
  RdbWriter writer(payload);
  for (const std::string& library : libraries) {
    payload.push_back(static_cast<char>(RdbOpcode::kFunction));
    writer.String(library);
  }
  writer.LittleEndian(kRdbVersionRedis70, 2);
  writer.LittleEndian(protocol::Crc64(payload), 8);
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
  if (const Keyspace* keys = server.DatabaseIfUsed(0)) {
    const std::string hidden = HiddenSlotsOf(*keys);
    if (!hidden.empty()) source.aux.push_back({std::string(kHiddenSlots), hidden});
  }
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
  if (const auto history = SavedHistoryOf(server)) {
    AddHistory(source, *history, history->stream_db);
  }
  return source;
}

std::optional<ReplicationHistory> SavedHistoryOf(const ServerState& server) {
  const ReplicationFacts& facts = server.replication;
  const bool is_of_history = facts.has_log && (!facts.is_replica || facts.master.has_copy);
  if (!is_of_history) return std::nullopt;
  return facts.history;
}

std::string NoteOf(const ReplicationHistory& history) {
  return std::string(kHistoryNote) + history.id + ":" + std::to_string(history.offset) + ":" +
         std::to_string(history.stream_db) + "\r\n";  // wire: a note of the log
}

std::optional<ReplicationHistory> ReadHistoryNote(std::string_view note, int databases) {
  const std::size_t id_end = kHistoryNote.size() + kHistoryIdBytes;
  const std::size_t offset_end = note.find(':', id_end + 1);
  const bool is_one = note.starts_with(kHistoryNote) && offset_end != std::string_view::npos &&
                      note[id_end] == ':' && note.ends_with("\r\n");  // wire: a note of the log
  if (!is_one) return std::nullopt;
  return HistoryFrom(note.substr(kHistoryNote.size(), kHistoryIdBytes),
                     note.substr(id_end + 1, offset_end - id_end - 1),
                     note.substr(offset_end + 1, note.size() - offset_end - 3), databases);
}

void AddHistory(SnapshotSource& source, const ReplicationHistory& history, int stream_db) {
  source.aux.push_back({"repl-stream-db", std::to_string(stream_db)});
  source.aux.push_back({"repl-id", history.id});
  source.aux.push_back({"repl-offset", std::to_string(history.offset)});
}

SnapshotSource LogBaseSourceOf(ServerState& server) {
  SnapshotSource source = SnapshotSourceOf(server);
  source.aux.push_back({"aof-base", "1"});
  // No command that a Redis knows tells what is hidden; a reader looks at the file, not at its name.
  const bool hides = std::any_of(source.aux.begin(), source.aux.end(),
                                 [](const RdbAux& aux) { return aux.name == kHiddenSlots; });
  if (!server.Config().aof_use_rdb_preamble && !hides) {
    source.form = SnapshotSource::Form::kCommands;
    if (server.Config().aof_timestamp_enabled) source.noted_time_s = server.now_ms / 1000;
  }
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
  return index < count ? &Existing(static_cast<int>(index)) : nullptr;
}

Keyspace& ServerReadTarget::Existing(int index) { return server_.Database(index); }

void ServerReadTarget::Aux(std::string_view name, std::string_view value) {
  // Outside of a cluster nobody would ever show them.
  if (name == kHiddenSlots && server_.IsClusterEnabled()) {
    return HideSlots(Existing(0), value);
  }
  if (aux_.size() < kAuxMax) aux_.push_back({std::string(name), std::string(value)});
}

std::optional<std::string> ServerReadTarget::Function(std::string_view library) {
  if (server_.scripts == nullptr) return std::nullopt;
  const FunctionRestore policy =
      policy_ == LoadPolicy::kReplaces ? FunctionRestore::kReplace : FunctionRestore::kAppend;
  if (server_.scripts->RestoreFunctions(PayloadOf({std::string(library)}), policy))
    return std::nullopt;
  return "it cannot be loaded";
}

const std::string* ServerReadTarget::FindAux(std::string_view name) const {
  const auto found =
      std::find_if(aux_.begin(), aux_.end(), [&](const RdbAux& aux) { return aux.name == name; });
  return found == aux_.end() ? nullptr : &found->value;
}

std::optional<ReplicationHistory> ServerReadTarget::History() const {
  const std::string* id = FindAux("repl-id");
  const std::string* offset = FindAux("repl-offset");
  const std::string* stream_db = FindAux("repl-stream-db");
  if (id == nullptr || offset == nullptr || stream_db == nullptr) return std::nullopt;
  return HistoryFrom(*id, *offset, *stream_db, server_.DatabaseCount());
}

bool ReplaceFunctions(ServerState& server, const std::vector<std::string>& libraries) {
  if (server.scripts == nullptr) return true;
  return server.scripts->RestoreFunctions(PayloadOf(libraries), FunctionRestore::kFlush);
}

void FlushForLoading(ServerState& server, bool with_functions) {
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    Keyspace* database = server.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    server.WillFlush(i);
    database->FlushAll();
    for (const protocol::Slot slot : database->HiddenSlots()) database->HideSlot(slot, false);
  }
  server.own_keys.Forget();
  InvalidateAll(server);
  if (with_functions) ReplaceFunctions(server, {});
}

}  // namespace slotway::storage
