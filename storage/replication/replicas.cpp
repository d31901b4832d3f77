// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/replicas.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/resp_writer.h"
#include "runtime/log.h"
#include "storage/commands/data_snapshot.h"
#include "storage/persistence/snapshot_runner.h"

namespace slotway::storage {
namespace {

// What is handed to a connection ahead of what its socket takes.
constexpr std::size_t kAheadBytes = 256 * 1024;
constexpr std::size_t kPieceBytes = 64 * 1024;
// The same of a snapshot, which must wait for the slowest.
constexpr std::size_t kSnapshotAheadBytes = 4 * 1024 * 1024;
constexpr std::int64_t kKeepAliveMs = 1000;

std::string RequestBytes(std::span<const std::string_view> words) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, words);
  return bytes;
}

void Send(ClientState& client, std::string_view bytes) {
  client.connection->Output().Append(bytes);
  client.connection->MarkForFlush();
}

}  // namespace

Replicas::Replicas(runtime::EventLoop& loop, ServerState& server)
    : ChangeFeed(Audience::kReplicas), loop_(loop), server_(server) {}

Replicas::~Replicas() {
  if (has_snapshot_ && !is_file_complete_) server_.snapshots->GiveUp();
  file_.reset();
  if (is_file_complete_) std::remove(file_name_.c_str());
  SetIsSource(false);
}

template <class Visit>
void Replicas::ForEach(Stage stage, Visit visit) {
  for (auto& [id, replica] : replicas_) {
    if (replica.stage == stage && !replica.client->is_cut) visit(replica);
  }
}

Replicas::Replica* Replicas::Find(const ClientState& client) {
  const auto found = replicas_.find(client.id);
  return found == replicas_.end() ? nullptr : &found->second;
}

// ---- Who comes and goes ----

void Replicas::Resume(ClientState& client, std::int64_t offset) {
  Replica& replica = replicas_.emplace(client.id, Replica{.client = &client}).first->second;
  StartReading(replica, offset);
  GoOnline(replica);
}

void Replicas::BeginSync(ClientState& client) {
  KeepLog();
  Replica& replica = replicas_.emplace(client.id, Replica{.client = &client}).first->second;
  replica.wish = WishOf(client);
  replica.heard_ms = server_.now_ms;
  if (waiting_since_ms_ == 0) waiting_since_ms_ = server_.now_ms;
  UpdateFacts();
  loop_.Defer([this] { StartSnapshotIfDue(); });
}

void Replicas::Remove(const ClientState& client) {
  wishes_.erase(client.id);
  Replica* replica = Find(client);
  if (replica == nullptr) return;
  StopReading(*replica);
  replicas_.erase(client.id);
  GiveUpSnapshotIfUseless();
  if (replicas_.empty()) unused_since_ms_ = server_.now_ms;
  UpdateFacts();
}

void Replicas::Drop(Replica& replica, std::string_view reason) {
  if (std::exchange(replica.client->is_cut, true)) return;
  runtime::LogWarning("replica {}: {}", replica.client->address, reason);
  server_.close_client(replica.client->id);
}

void Replicas::DropAll(std::string_view reason) {
  for (auto& [id, replica] : replicas_) {
    StopReading(replica);
    Drop(replica, reason);
  }
  UpdateFacts();
}

void Replicas::StartReading(Replica& replica, std::int64_t offset) {
  log_.AddReader(offset);
  replica.reads_log = true;
  replica.position = offset;
}

void Replicas::StopReading(Replica& replica) {
  if (!std::exchange(replica.reads_log, false)) return;
  log_.RemoveReader(replica.position);
  NoteLogBytes();
}

// ---- The log ----

void Replicas::KeepLog() {
  if (has_log_) return;
  has_log_ = true;
  server_.replication.has_log = true;
  log_.Reset(server_.replication.history.offset);
  ApplySettings();
  unused_since_ms_ = server_.now_ms;
  pinged_ms_ = server_.now_ms;
  if (is_source_) server_.propagation.AddFeed(*this);
  SelectAnew();
}

void Replicas::ResetLog(std::int64_t offset) {
  server_.replication.history.offset = offset;
  has_log_ = true;
  log_.Reset(offset);
  ApplySettings();
  UpdateFacts();
}

void Replicas::SetIsSource(bool is_source) {
  if (is_source == is_source_) return;
  is_source_ = is_source;
  if (!has_log_) return;
  if (is_source) {
    unused_since_ms_ = server_.now_ms;
    server_.propagation.AddFeed(*this);
    SelectAnew();
  } else {
    server_.propagation.RemoveFeed(*this);
  }
}

void Replicas::ApplySettings() {
  log_.SetWantedBytes(static_cast<std::size_t>(server_.Config().repl_backlog_size));
}

void Replicas::Append(std::string_view commands) {
  AppendRaw(commands);
  server_.replication.last_change_offset = server_.replication.history.offset;
  server_.replication.history.stream_db = SelectedDb();
}

void Replicas::AppendRaw(std::string_view bytes) {
  if (has_log_) {
    log_.Append(bytes);
    server_.replication.history.offset = log_.Offset();
    NoteLogBytes();
    PumpLater();
  } else {
    server_.replication.history.offset += static_cast<std::int64_t>(bytes.size());
  }
}

// How much there is decides what eviction leaves out, so it is told at once.
void Replicas::NoteLogBytes() {
  server_.replication.log_bytes = has_log_ ? static_cast<std::int64_t>(log_.Bytes()) : 0;
}

void Replicas::PumpLater() {
  if (replicas_.empty() || std::exchange(is_pumping_later_, true)) return;
  loop_.Defer([this] {
    is_pumping_later_ = false;
    ForEach(Stage::kOnline, [this](Replica& replica) { Pump(replica); });
  });
}

void Replicas::Pump(Replica& replica) {
  runtime::Connection& connection = *replica.client->connection;
  if (replica.file != nullptr && !PumpFile(replica)) return;
  const std::int64_t before = replica.position;
  while (replica.position < log_.Offset() && connection.UnwrittenBytes() < kAheadBytes) {
    replica.position = log_.Read(replica.position, kPieceBytes, connection.Output());
  }
  if (replica.position == before) return;
  NoteLogBytes();
  server_.replication.stream_output_bytes += static_cast<std::uint64_t>(replica.position - before);
  connection.MarkForFlush();
}

// True when all of the file has been handed over.
bool Replicas::PumpFile(Replica& replica) {
  runtime::Connection& connection = *replica.client->connection;
  std::string piece(kPieceBytes, '\0');
  while (replica.file_offset < replica.file->bytes && connection.UnwrittenBytes() < kAheadBytes) {
    const ssize_t count = ::pread(replica.file->file.Number(), piece.data(), piece.size(),
                                  static_cast<off_t>(replica.file_offset));
    if (count <= 0) {
      Drop(replica, "cannot read the snapshot's file");
      return false;
    }
    Send(*replica.client, std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
    replica.file_offset += static_cast<std::uint64_t>(count);
  }
  if (replica.file_offset < replica.file->bytes) return false;
  replica.file.reset();
  if (!replica.wish.has_stream) {
    LetGo(replica);
    return false;
  }
  return true;
}

// It has all that it came for.
void Replicas::LetGo(Replica& replica) {
  replica.stage = Stage::kAwait;
  replica.heard_ms = server_.now_ms;
  replica.client->connection->CloseAfterFlush();
}

void Replicas::OnOutputSent(const ClientState& client) {
  Replica* replica = Find(client);
  if (replica != nullptr && replica->stage == Stage::kOnline && !client.is_cut) Pump(*replica);
}

// ---- Snapshots ----

void Replicas::StartSnapshotIfDue() {
  if (waiting_since_ms_ == 0 || has_snapshot_ || server_.snapshots->IsBusy()) return;
  bool is_mark_known = server_.Config().repl_diskless_sync;
  std::int64_t waiting = 0;
  std::optional<SnapshotWish> wanted;
  ForEach(Stage::kWait, [&](const Replica& replica) {
    // Those who want something else have theirs afterwards.
    if (!wanted) wanted = replica.wish;
    if (!wanted->WantsTheSame(replica.wish)) return;
    is_mark_known = is_mark_known && replica.client->replica->knows_mark;
    ++waiting;
  });
  if (waiting == 0) {
    waiting_since_ms_ = 0;
    return;
  }
  const std::int64_t enough = server_.Config().repl_diskless_sync_max_replicas;
  const std::int64_t delay_ms = server_.Config().repl_diskless_sync_delay_s * 1000;
  const bool is_due = !is_mark_known || (enough != 0 && waiting >= enough) ||
                      server_.now_ms - waiting_since_ms_ >= delay_ms;
  if (!is_due) return;
  mark_ = is_mark_known || wanted->IsFiltered() ? server_.random.HexId() : "";
  StartSnapshot(*wanted);
}

void Replicas::StartSnapshot(const SnapshotWish& wanted) {
  if (mark_.empty()) {
    file_name_ = server_.Config().dir + "/temp-replication-" + std::to_string(::getpid()) + ".rdb";
    auto file = BackgroundFile::Create(file_name_ + ".new");
    if (!file) {
      runtime::LogWarning("cannot write a snapshot for replicas: {}", file.error().text);
      return;  // tried again with the next tick
    }
    file_ = std::move(*file);
  }
  const std::int64_t offset = log_.Offset();
  runtime::LogInfo("a snapshot for replicas begins, {}", mark_.empty() ? "by a file" : "diskless");
  SelectAnew();
  waiting_since_ms_ = 0;
  has_snapshot_ = server_.replication.has_snapshot = true;
  const std::string& id = server_.replication.history.id;
  ForEach(Stage::kWait, [&](Replica& replica) {
    if (!wanted.WantsTheSame(replica.wish)) {
      waiting_since_ms_ = server_.now_ms;
      return;
    }
    ++server_.replication.full_syncs;
    if (replica.client->replica->is_psync) {
      // wire: PSYNC's answer is a line of its own kind
      Send(*replica.client, "+FULLRESYNC " + id + " " + std::to_string(offset) + "\r\n");
    }
    // wire: the mark's line is no RESP
    if (!mark_.empty()) Send(*replica.client, "$EOF:" + mark_ + "\r\n");
    replica.stage = Stage::kSnapshot;
    if (replica.wish.has_stream) StartReading(replica, offset);
  });
  SnapshotSource source = SnapshotSourceOf(server_);
  source.options.version = kRdbVersionRedis70;  // all that follow can read it
  if (!wanted.has_keys) source.databases.clear();
  if (!wanted.has_functions) source.libraries.clear();
  // What comes from here begins with a SELECT, what is passed on does not.
  AddHistory(source, server_.replication.history,
             is_source_ ? 0 : server_.replication.history.stream_db);
  SnapshotSink& sink = file_ != nullptr ? static_cast<SnapshotSink&>(*file_) : *this;
  server_.snapshots->Begin(std::move(source), sink,
                           [this](bool is_complete) { EndSnapshot(is_complete); });
  UpdateFacts();
}

void Replicas::Take(std::string& chunk) {
  const auto bytes = std::make_shared<const std::string>(std::move(chunk));
  ForEach(Stage::kSnapshot, [&](Replica& replica) {
    runtime::Connection& connection = *replica.client->connection;
    if (bytes->size() >= runtime::ByteQueue::kChunkBytes) {
      connection.Output().AppendShared(bytes);
    } else {
      connection.Output().Append(*bytes);
    }
    connection.MarkForFlush();
  });
  chunk.clear();
}

bool Replicas::HasRoom() const {
  return std::all_of(replicas_.begin(), replicas_.end(), [](const auto& named) {
    const Replica& replica = named.second;
    return replica.stage != Stage::kSnapshot || replica.client->is_cut ||
           replica.client->connection->UnwrittenBytes() < kSnapshotAheadBytes;
  });
}

bool Replicas::HasFailed() const {
  return std::none_of(replicas_.begin(), replicas_.end(), [](const auto& named) {
    return named.second.stage == Stage::kSnapshot && !named.second.client->is_cut;
  });
}

void Replicas::GiveUpSnapshotIfUseless() {
  if (has_snapshot_ && !is_file_complete_ && HasFailed()) server_.snapshots->GiveUp();
}

void Replicas::EndSnapshot(bool is_complete) {
  if (file_ != nullptr && is_complete) {
    file_->Commit(file_name_);
    is_file_complete_ = true;  // but not written yet: see Tick()
    return;
  }
  has_snapshot_ = server_.replication.has_snapshot = false;
  file_.reset();
  int count = 0;
  ForEach(Stage::kSnapshot, [&](Replica& replica) {
    if (!is_complete) return Drop(replica, "its snapshot was given up");
    count += replica.client->is_cut ? 0 : 1;
    Send(*replica.client, mark_);
    if (!replica.wish.has_stream) return LetGo(replica);
    replica.stage = Stage::kAwait;
    replica.heard_ms = server_.now_ms;
  });
  if (is_complete) {
    runtime::LogInfo("the snapshot for replicas is complete, for {} of them", count);
  } else {
    runtime::LogInfo("the snapshot for replicas is given up");
  }
  UpdateFacts();
}

void Replicas::SendFileIfWritten() {
  if (!is_file_complete_ || !file_->IsFinished()) return;
  is_file_complete_ = false;
  has_snapshot_ = server_.replication.has_snapshot = false;
  const int error = file_->Errno();
  file_.reset();
  // shared: see Replica
  const auto sent = std::make_shared<SentFile>();
  struct stat facts = {};
  if (error == 0) sent->file = runtime::OwnedFd(::open(file_name_.c_str(), O_RDONLY | O_CLOEXEC));
  const bool is_good = sent->file.IsOpen() && ::fstat(sent->file.Number(), &facts) == 0;
  std::remove(file_name_.c_str());
  sent->bytes = static_cast<std::uint64_t>(facts.st_size);
  ForEach(Stage::kSnapshot, [&](Replica& replica) {
    if (!is_good) return Drop(replica, "its snapshot could not be written");
    // wire: the length of a file, without the line end behind it that a bulk has
    Send(*replica.client, "$" + std::to_string(sent->bytes) + "\r\n");
    replica.file = sent;
    GoOnline(replica);
  });
}

void Replicas::GoOnline(Replica& replica) {
  replica.stage = Stage::kOnline;
  replica.heard_ms = server_.now_ms;
  // Before the answers to clients: what was confirmed is on its way to the replicas, also if this
  // process ends now.
  replica.client->connection->SetFlushStage(runtime::FlushStage::kUpstream);
  Pump(replica);
  UpdateFacts();
}

// ---- How far they are ----

void Replicas::NoteAcknowledged(const ClientState& client, std::int64_t offset,
                                std::optional<std::int64_t> on_disk) {
  Replica* replica = Find(client);
  if (replica == nullptr || client.is_cut) return;  // one that was dropped reads no more
  replica->heard_ms = server_.now_ms;
  replica->acknowledged = std::max(replica->acknowledged, offset);
  replica->has_acknowledged = true;
  if (on_disk) replica->on_disk = std::max(replica->on_disk, *on_disk);
  if (replica->stage == Stage::kAwait && replica->wish.has_stream) {
    GoOnline(*replica);
  } else {
    UpdateProgress();
  }
}

std::int64_t Replicas::CountAcknowledged(std::int64_t offset) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [&](const auto& named) {
    return named.second.stage == Stage::kOnline && named.second.acknowledged >= offset;
  });
}

std::int64_t Replicas::CountOnDisk(std::int64_t offset) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [&](const auto& named) {
    return named.second.stage == Stage::kOnline && named.second.on_disk >= offset;
  });
}

std::size_t Replicas::UnsentBytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, replica] : replicas_) bytes += replica.client->connection->UnwrittenBytes();
  return bytes;
}

void Replicas::AskAll() {
  if (replicas_.empty() || std::exchange(has_asked_, true)) return;
  loop_.Defer([this] {
    has_asked_ = false;
    static constexpr std::string_view kAsk[] = {"REPLCONF", "GETACK", "*"};
    if (is_source_) AppendRaw(RequestBytes(kAsk));
  });
}

void Replicas::Tick() {
  SendFileIfWritten();
  StartSnapshotIfDue();
  CheckReplicas();
  PingReplicas();
  const std::int64_t ttl_ms = server_.Config().repl_backlog_ttl_s * 1000;
  const bool is_unused = has_log_ && is_source_ && replicas_.empty();
  if (is_unused && ttl_ms != 0 && server_.now_ms - unused_since_ms_ > ttl_ms) {
    // Who comes later cannot know what it has missed: the history is another one from here on.
    server_.propagation.RemoveFeed(*this);
    has_log_ = false;
    log_.Reset(log_.Offset());
    ReplicationHistory& history = server_.replication.history;
    history.id = server_.random.HexId();
    history.id2.assign(40, '0');
    history.second_offset = -1;
  }
  UpdateFacts();
}

void Replicas::PingReplicas() {
  const std::int64_t period_ms = server_.Config().repl_ping_replica_period_s * 1000;
  if (is_source_ && has_log_ && !replicas_.empty() && server_.now_ms - pinged_ms_ >= period_ms) {
    pinged_ms_ = server_.now_ms;
    static constexpr std::string_view kPing[] = {"PING"};
    AppendRaw(RequestBytes(kPing));
  }
  if (server_.now_ms - kept_alive_ms_ < kKeepAliveMs) return;
  kept_alive_ms_ = server_.now_ms;
  const auto keep_alive = [](Replica& replica) { Send(*replica.client, "\n"); };
  ForEach(Stage::kWait, keep_alive);
  if (file_ != nullptr) ForEach(Stage::kSnapshot, keep_alive);
}

void Replicas::CheckReplicas() {
  const std::int64_t timeout_ms = server_.Config().repl_timeout_s * 1000;
  for (auto& [id, replica] : replicas_) {
    if (IsTooFarBehind(replica)) {
      Drop(replica, "too far behind: client-output-buffer-limit replica");
    } else if (replica.stage == Stage::kOnline && replica.client->replica->is_psync &&
               server_.now_ms - replica.heard_ms > timeout_ms) {
      Drop(replica, "not heard for repl-timeout");
    } else if (replica.stage == Stage::kSnapshot && TakesNothing(replica)) {
      Drop(replica, "takes nothing of its snapshot for repl-timeout");
    } else if (replica.stage == Stage::kAwait && !replica.wish.has_stream &&
               server_.now_ms - replica.heard_ms > timeout_ms) {
      Drop(replica, "does not take its snapshot's end");
    }
  }
}

// Who hangs in the middle of a snapshot holds up all who need one.
bool Replicas::TakesNothing(Replica& replica) {
  const runtime::Connection& connection = *replica.client->connection;
  const auto taken = connection.PossiblyWritten();
  if (taken != replica.taken || connection.UnwrittenBytes() == 0) {
    replica.taken = taken;
    replica.heard_ms = server_.now_ms;
  }
  return server_.now_ms - replica.heard_ms > server_.Config().repl_timeout_s * 1000;
}

bool Replicas::IsTooFarBehind(Replica& replica) {
  if (!replica.reads_log) return false;
  const config::ClientOutputLimit& limit =
      server_.Config().client_output_buffer_limit[config::kClientReplica];
  // What the log keeps in any case is no reason.
  const auto kept = static_cast<std::uint64_t>(server_.Config().repl_backlog_size);
  const auto behind = static_cast<std::uint64_t>(log_.Offset() - replica.position);
  if (limit.hard_bytes != 0 && behind > std::max(limit.hard_bytes, kept)) return true;
  if (limit.soft_bytes == 0 || behind <= std::max(limit.soft_bytes, kept)) {
    replica.behind_since_ms = 0;
    return false;
  }
  if (replica.behind_since_ms == 0) replica.behind_since_ms = server_.now_ms;
  return server_.now_ms - replica.behind_since_ms > limit.soft_s * 1000;
}

// In Redis's words: while a snapshot is taken it is waited for, also by those who get it meanwhile.
std::string_view Replicas::StateOf(const Replica& replica) {
  if (replica.stage == Stage::kWait || replica.stage == Stage::kSnapshot) return "wait_bgsave";
  const bool is_online = replica.stage == Stage::kOnline && !replica.file;
  return is_online ? "online" : "send_bulk";
}

void Replicas::UpdateFacts() {
  ReplicationFacts& facts = server_.replication;
  facts.has_log = has_log_;
  facts.log_first_offset = has_log_ ? log_.FirstOffset() + 1 : 0;
  NoteLogBytes();
  facts.replicas.clear();
  for (const auto& [id, replica] : replicas_) {
    const ReplicaTraits& traits = *replica.client->replica;
    std::string host = traits.announced_host;
    if (host.empty()) host = replica.client->connection->PeerAddress().Host();
    facts.replicas.push_back(
        {.host = std::move(host), .port = traits.listening_port, .state = StateOf(replica)});
  }
  UpdateProgress();
}

void Replicas::UpdateProgress() {
  ReplicationFacts& facts = server_.replication;
  facts.good_replicas = 0;
  facts.acknowledged.clear();
  const std::int64_t lag_max_ms = server_.Config().min_replicas_max_lag_s * 1000;
  auto shown = facts.replicas.begin();
  for (const auto& [id, replica] : replicas_) {
    shown->acknowledged = replica.acknowledged;
    shown->acknowledged_ms = replica.heard_ms;
    shown->has_acknowledged = replica.has_acknowledged;
    ++shown;
    if (replica.stage != Stage::kOnline) continue;
    if (!replica.client->is_cut) facts.acknowledged.push_back(replica.acknowledged);
    if (server_.now_ms - replica.heard_ms <= lag_max_ms) ++facts.good_replicas;
  }
  std::sort(facts.acknowledged.begin(), facts.acknowledged.end(), std::greater<>());
  const std::size_t count = facts.acknowledged.size();
  if (facts.confirmed.size() < count) facts.confirmed.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    facts.confirmed[i] = std::max(facts.confirmed[i], facts.acknowledged[i]);
  }
}

}  // namespace slotway::storage
