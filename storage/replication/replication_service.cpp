// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/replication_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/log.h"
#include "storage/commands/client_state.h"
#include "storage/commands/command_context.h"
#include "storage/commands/number_text.h"
#include "storage/commands/persistence_host.h"

namespace slotway::storage {
namespace {

// "functions", or "": neither keys nor functions.
std::optional<std::string> ReadFilter(std::string_view words, SnapshotWish& wish) {
  wish.has_keys = wish.has_functions = false;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    if (!EqualsNoCase(word, "functions")) {
      return "ERR Unsupported rdb-filter-only option: " + std::string(word);
    }
    wish.has_functions = true;
  }
  return std::nullopt;
}

}  // namespace

ReplicationService::ReplicationService(runtime::EventLoop& loop, ServerState& server,
                                       ApplyRequest apply)
    : loop_(loop),
      server_(server),
      apply_(std::move(apply)),
      replicas_(loop, server),
      failover_(server, {.hand_over = [this](const std::string& host,
                                             int port) { BeginToFollow(host, port, true); },
                         .take_back = [this] { TakeBack(); }}) {
  replicas_.SetIsSource(true);
}

ReplicationService::~ReplicationService() = default;

void ReplicationService::Start(const std::optional<ReplicationHistory>& loaded) {
  const config::ShardConfig& config = server_.Config();
  ReplicationFacts& facts = server_.replication;
  if (loaded) {
    const bool follows = facts.is_replica || !config.replicaof_host.empty();
    facts.history.offset = loaded->offset;
    facts.history.stream_db = loaded->stream_db;
    // A replica asks to go on; those of a master may do so, in a history with a new name.
    if (follows) {
      facts.history.id = loaded->id;
    } else {
      RenameHistory(loaded->id);
    }
    replicas_.KeepLog();
  }
  is_started_ = true;
  if (facts.is_replica) Connect(false);
  if (!config.replicaof_host.empty()) {
    Follow(config.replicaof_host, static_cast<int>(config.replicaof_port));
  }
}

void ReplicationService::Tick() {
  retired_.clear();
  if (master_) master_->Tick();
  replicas_.Tick();
  failover_.Look();
}

// ---- Whom we follow ----

MasterLink::Hooks ReplicationService::LinkHooks() {
  return {.apply = apply_,
          .advance = [this](std::string_view bytes) { replicas_.AppendRaw(bytes); },
          .begin_sync =
              [this] {
                // What is here is replaced: nobody can go on from it.
                server_.replication.history.id = server_.random.HexId();
                RenameHistory({});
                replicas_.DropAll("the data set is replaced by the master's");
              },
          .end_sync =
              [this](const std::string& id, std::int64_t offset) {
                server_.replication.history.id = id;
                replicas_.ResetLog(offset);
                RewriteFile();
              },
          .resume =
              [this](const std::string& id) {
                ReplicationHistory& history = server_.replication.history;
                if (!id.empty() && id != history.id) {
                  RenameHistory(history.id);
                  history.id = id;
                  replicas_.DropAll("the history has another name: it can be resumed by it");
                }
                replicas_.KeepLog();
                failover_.OnAgreed();
              },
          .refused =
              [this] {
                runtime::LogWarning("Failover target rejected psync request");
                failover_.OnRefused();
              }};
}

// What the append-only file has is the data of before.
void ReplicationService::RewriteFile() {
  ++server_.persistence.log.data_replaced;
  server_.persistence.log.is_whole = false;
  if (!server_.persistence.log.is_on) return;
  bool is_scheduled = false;
  if (const auto error = server_.persistence_host->RewriteLog(is_scheduled)) {
    runtime::LogWarning("the append-only file is out of date: {}", *error);
  }
}

// CONFIG GET shows whom this server follows, and CONFIG REWRITE keeps it: after a restart it follows
// the same master. A cluster keeps its roles elsewhere.
void ReplicationService::RoleIntoSettings() {
  if (server_.IsClusterEnabled()) return;
  const ReplicationFacts& facts = server_.replication;
  std::vector<std::string> option = {"--replicaof", "no", "one"};
  if (facts.is_replica) option = {"--replicaof", facts.master.host, std::to_string(facts.master.port)};
  if (const auto error = server_.settings.ApplyOptions(option)) {
    runtime::LogWarning("{}", error->Render());
  }
}

// The history was `former` up to now; empty: it was none.
void ReplicationService::RenameHistory(const std::string& former) {
  ReplicationHistory& history = server_.replication.history;
  history.id2 = former.empty() ? std::string(40, '0') : former;
  history.second_offset = former.empty() ? -1 : history.offset + 1;
}

void ReplicationService::Follow(std::string host, int port) {
  ReplicationFacts& facts = server_.replication;
  if (facts.is_replica && facts.master.host == host && facts.master.port == port) return;
  BeginToFollow(std::move(host), port, false);
}

void ReplicationService::BeginToFollow(std::string host, int port, bool hands_over) {
  ReplicationFacts& facts = server_.replication;
  runtime::LogInfo("becomes a replica of {}:{}", host, port);
  DropMaster();
  replicas_.SetIsSource(false);
  facts.is_replica = true;
  server_.held_replies.FailAll();
  facts.master = {};
  facts.master.host = std::move(host);
  facts.master.port = port;
  RoleIntoSettings();
  server_.ApplyExpiryMode();
  for (ClientState* waiting : server_.waiters.Clients()) {
    const WaitingRequest& request = *server_.waiters.RequestOf(*waiting);
    if (request.keys.empty() && !request.counts_replicas) continue;  // SHUTDOWN
    server_.end_waiting(*waiting,
                        "UNBLOCKED force unblock from blocking operation, instance state "
                        "changed (master -> replica?)");
  }
  if (is_started_) Connect(hands_over);
}

void ReplicationService::Connect(bool hands_over) {
  master_ = std::make_unique<MasterLink>(loop_, server_, LinkHooks(), hands_over);
  master_->Tick();
}

// A script of its stream may be at work: whoever ends the link then is served within it.
void ReplicationService::DropMaster() {
  if (master_ && master_->IsApplying()) {
    master_->Retire();
    retired_.push_back(std::move(master_));
  }
  master_.reset();
}

// What was asked to take over did not: this server goes on as the master that it was.
void ReplicationService::TakeBack() {
  ReplicationFacts& facts = server_.replication;
  DropMaster();
  facts.is_replica = false;
  facts.master = {};
  RoleIntoSettings();
  replicas_.SetIsSource(true);
  server_.ApplyExpiryMode();
}

std::optional<std::string> ReplicationService::TakeOver(std::string_view id) {
  const ReplicationFacts& facts = server_.replication;
  if (!facts.is_replica) return "ERR PSYNC FAILOVER can't be sent to a master.";
  if (id != facts.history.id) return "ERR PSYNC FAILOVER replid must match my replid.";
  runtime::LogInfo("takes over from its master, as it asks");
  BecomeMaster();
  return std::nullopt;
}

void ReplicationService::BecomeMaster() {
  ReplicationFacts& facts = server_.replication;
  if (!facts.is_replica) return;
  runtime::LogInfo("becomes a master");
  DropMaster();
  facts.is_replica = false;
  facts.master = {};
  RoleIntoSettings();
  // What was replicated until now is what there is: only later changes have to be acknowledged.
  facts.confirmed.clear();
  facts.last_change_offset = 0;
  RenameHistory(facts.history.id);
  facts.history.id = server_.random.HexId();
  replicas_.DropAll("the history has another name: it can be resumed by it");
  replicas_.SetIsSource(true);
  server_.ApplyExpiryMode();
}

// ---- Who follows us ----

bool ReplicationService::CanResume(std::string_view id, std::int64_t offset) const {
  const ReplicationHistory& history = server_.replication.history;
  const bool is_same = id == history.id || (id == history.id2 && offset <= history.second_offset);
  return is_same && offset > 0 && replicas_.CanResume(offset - 1);
}

void ReplicationService::Attach(CommandContext& ctx, std::string_view id, std::int64_t offset) {
  ClientState& client = ctx.client;
  if (replicas_.Contains(client)) return;  // asked for already
  ReplicationFacts& facts = server_.replication;
  if (facts.is_replica && !facts.master.IsUp()) {
    ctx.Error("NOMASTERLINK Can't SYNC while not connected with my master");
    return;
  }
  if (!client.replica) client.replica = std::make_unique<ReplicaTraits>();
  // What is filtered goes straight to who asked for it: its end must be marked.
  if (replicas_.WishOf(client).IsFiltered() && !client.replica->knows_mark) {
    ctx.Error("ERR Filtered replica requires EOF capability");
    return;
  }
  client.replica->is_psync = !id.empty();
  client.Set(ClientWay::kReplica);
  if (client.replica->is_psync && CanResume(id, offset)) {
    std::string answer = "CONTINUE";
    if (client.replica->knows_histories) answer.append(" ").append(facts.history.id);
    ctx.reply.SimpleString(answer);
    ++facts.partial_syncs;
    replicas_.Resume(client, offset - 1);
    return;
  }
  if (client.replica->is_psync && id != "?") ++facts.partial_syncs_refused;
  replicas_.BeginSync(client);
}

void ReplicationService::NoteAcknowledged(ClientState& client, std::int64_t offset,
                                          std::optional<std::int64_t> on_disk) {
  if (!replicas_.Contains(client)) return;
  replicas_.NoteAcknowledged(client, offset, on_disk);
  failover_.Look();
  server_.on_acknowledged();
}

std::optional<std::string> ReplicationService::Configure(ClientState& client,
                                                         std::string_view option,
                                                         std::string_view value, bool& is_silent) {
  if (EqualsNoCase(option, "getack")) {
    is_silent = true;
    return std::nullopt;
  }
  if (!client.replica) client.replica = std::make_unique<ReplicaTraits>();
  if (EqualsNoCase(option, "listening-port")) {
    const auto port = ParseInteger(value);
    if (!port) return std::string(protocol::error_text::kNotInteger);
    client.replica->listening_port = static_cast<int>(*port);
  } else if (EqualsNoCase(option, "ip-address")) {
    constexpr std::size_t kHostBytesMax = 255;
    if (value.size() >= kHostBytesMax) {
      return "ERR REPLCONF ip-address provided by replica instance is too long: " +
             std::to_string(value.size()) + " bytes";
    }
    client.replica->announced_host = value;
  } else if (EqualsNoCase(option, "capa")) {
    client.replica->knows_mark = client.replica->knows_mark || EqualsNoCase(value, "eof");
    client.replica->knows_histories =
        client.replica->knows_histories || EqualsNoCase(value, "psync2");
  } else if (EqualsNoCase(option, "rdb-only")) {
    const auto flag = ParseInteger(value);
    if (!flag) return std::string(protocol::error_text::kNotInteger);
    if (*flag < 0 || *flag > 1) return "ERR value is out of range, value must between 0 and 1";
    SnapshotWish wish = replicas_.WishOf(client);
    wish.has_stream = *flag == 0;
    replicas_.SetWish(client, wish);
  } else if (EqualsNoCase(option, "rdb-filter-only")) {
    SnapshotWish wish = replicas_.WishOf(client);
    if (auto error = ReadFilter(value, wish)) return error;
    replicas_.SetWish(client, wish);
  } else {
    return "ERR Unrecognized REPLCONF option: " + std::string(option);
  }
  return std::nullopt;
}

}  // namespace slotway::storage
