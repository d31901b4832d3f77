// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/master_link.h"

#include <algorithm>
#include <charconv>
#include <sys/socket.h>
#include <utility>

#include "protocol/resp_writer.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/resolver.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kRetryMs = 1000;
constexpr std::int64_t kAcknowledgeMs = 1000;
constexpr std::size_t kIdBytes = 40;
constexpr std::size_t kMarkBytes = 40;
constexpr std::size_t kLineBytesMax = 1024;
// What of a transfer is loaded in one turn of the loop; others are served in between.
constexpr std::size_t kLoadedPerTurn = 1 << 20;
// The same with key-load-delay.
constexpr std::size_t kLoadedPerStep = 4096;

std::optional<std::int64_t> NumberOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Takes what stands before the next space.
std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

MasterLink::MasterLink(runtime::EventLoop& loop, ServerState& server, Hooks hooks, bool hands_over)
    : loop_(loop),
      server_(server),
      hooks_(std::move(hooks)),
      hands_over_(hands_over),
      is_alive_(std::make_shared<bool>(true)),
      pace_timer_(loop) {
  master_.is_master = true;
  master_.denies_waiting = true;
  SetState(MasterLinkState::kConnect);
}

MasterLink::~MasterLink() {
  *is_alive_ = false;
  LeaveClients();
  EndLoading();
}

void MasterLink::SetState(MasterLinkState state) {
  MasterFacts& master = server_.replication.master;
  if (master.IsUp() && state != MasterLinkState::kConnected) master.down_since_ms = server_.now_ms;
  master.state = state;
}

// ---- Connecting ----

void MasterLink::StandStill() {
  if (!connection_) return;
  stands_still_ = true;
  connection_->PauseReading();
}

void MasterLink::GoOn() {
  if (!std::exchange(stands_still_, false)) return;
  server_.replication.master.last_io_ms = server_.now_ms;
  if (stage_ != Stage::kFile && !is_held_back_) connection_->ResumeReading();
}

void MasterLink::Tick() {
  GoOn();
  const std::int64_t now_ms = server_.now_ms;
  if (stage_ == Stage::kIdle) {
    if (now_ms >= next_attempt_ms_) Connect();
    return;
  }
  const std::int64_t timeout_ms = server_.Config().repl_timeout_s * 1000;
  if (stage_ == Stage::kFile) {
    // It is not read, and lives for all that is known; it should know the same of us.
    server_.replication.master.last_io_ms = now_ms;
    if (now_ms - acknowledged_ms_ < kAcknowledgeMs) return;
    acknowledged_ms_ = now_ms;
    connection_->Output().Append("\n");
    return connection_->MarkForFlush();
  }
  if (now_ms - server_.replication.master.last_io_ms > timeout_ms) {
    return Disconnect(stage_ < Stage::kPayload ? "Timeout connecting to the MASTER: repl-timeout"
                                               : "nothing heard for repl-timeout");
  }
  const bool has_news = server_.persistence.log.synced_offset > acknowledged_on_disk_;
  const bool is_due =
      now_ms - acknowledged_ms_ >= kAcknowledgeMs || now_ms < acknowledges_often_until_ms_;
  if (stage_ == Stage::kStream && (has_news || is_due)) Acknowledge();
}

void MasterLink::Connect() {
  const MasterFacts& master = server_.replication.master;
  stage_ = Stage::kResolving;
  server_.replication.master.last_io_ms = server_.now_ms;
  SetState(MasterLinkState::kConnecting);
  runtime::Resolve(
      loop_, master.host, static_cast<std::uint16_t>(master.port),
      [this, is_alive = is_alive_](const auto& addresses) {
        if (!*is_alive || stage_ != Stage::kResolving) return;
        if (!addresses) return Disconnect(addresses.error().text);
        stage_ = Stage::kGreeting;
        const auto timeout_ms = static_cast<std::uint64_t>(server_.Config().repl_timeout_s) * 1000;
        connection_ = runtime::Connection::Connect(loop_, addresses->front(), timeout_ms,
                                                   runtime::FlushStage::kUpstream, *this,
                                                   server_.tls.ToNode(server_.Config().tls_replication));
      });
}

void MasterLink::Disconnect(std::string_view reason) {
  if (stage_ == Stage::kIdle) return;
  if (stage_ == Stage::kStream) runtime::LogWarning("Connection with master lost");
  runtime::LogWarning("master {}:{}: {}", server_.replication.master.host,
                      server_.replication.master.port, reason);
  EndLoading();
  LeaveClients();
  // Who was there just now is asked again at once.
  next_attempt_ms_ = stage_ == Stage::kStream ? 0 : server_.now_ms + kRetryMs;
  stage_ = Stage::kIdle;
  stands_still_ = false;
  if (connection_) {
    connection_->Abandon();
    // Not within one of its callbacks. std::function wants something to copy; the deferred call is
    // the only owner.
    loop_.Defer([dying = connection_.release()] { delete dying; });
  }
  parser_ = protocol::RespRequestParser();
  in_transaction_.clear();
  master_.transaction.reset();
  master_.ways = 0;
  SetState(MasterLinkState::kConnect);
}

void MasterLink::Retire() {
  *is_alive_ = false;
  LeaveClients();
  EndLoading();
  stage_ = Stage::kIdle;
  if (connection_) connection_->Abandon();
}

bool MasterLink::Cut(std::uint64_t client_id) {
  if (stage_ != Stage::kStream || master_.id != client_id) return false;
  // At once: whatever else runs in this turn may take its time.
  ::shutdown(connection_->FileDescriptor(), SHUT_RDWR);
  Disconnect("the link was killed");
  return true;
}

// CLIENT LIST shows the master, and CLIENT KILL knows it.
void MasterLink::JoinClients() {
  master_.id = server_.next_client_id++;
  master_.connection = connection_.get();
  master_.address = connection_->PeerAddress().ToString();
  master_.local_address = connection_->LocalAddress().ToString();
  master_.created_ms = server_.now_ms;
  master_.last_active_ms = server_.now_ms;
  server_.clients.emplace(master_.id, &master_);
}

void MasterLink::LeaveClients() {
  if (server_.clients.erase(master_.id) != 0) server_.client_memory.Forget(master_);
  master_.id = 0;
  master_.connection = nullptr;
}

// Whose transfer broke off is asked again at once; whose data is no good is not.
void MasterLink::OnEndOfInput() { OnClosed("closed the connection"); }
void MasterLink::OnClosed(std::string_view reason) {
  const bool was_in_transfer = stage_ > Stage::kGreeting;
  Disconnect(reason);
  if (was_in_transfer) next_attempt_ms_ = 0;
}

void MasterLink::OnConnected() {
  if (server_.Config().repl_disable_tcp_nodelay) connection_->SetNodelay(false);
  step_ = Step::kPing;
  SetState(MasterLinkState::kHandshake);
  SayNext();
}

void MasterLink::Send(std::span<const std::string_view> words) {
  protocol::WriteRequest(connection_->Output(), words);
  connection_->MarkForFlush();
}

// ---- Introducing ourselves ----

void MasterLink::SayNext() {
  const config::ShardConfig& config = server_.Config();
  const auto say = [this](std::initializer_list<std::string_view> words) {
    Send(std::span(words.begin(), words.size()));
  };
  if (step_ == Step::kAuth && config.masterauth.empty()) step_ = Step::kPort;
  if (step_ == Step::kHost && config.replica_announce_ip.empty()) step_ = Step::kCapabilities;
  switch (step_) {
    case Step::kPing:
      return say({"PING"});
    case Step::kAuth:
      if (config.masteruser.empty()) return say({"AUTH", config.masterauth});
      return say({"AUTH", config.masteruser, config.masterauth});
    case Step::kPort: {
      const std::int64_t announced = config.replica_announce_port;
      const std::int64_t own =
          config::PortForNodes(config, server_.listening_port, config.tls_replication);
      return say(
          {"REPLCONF", "listening-port", std::to_string(announced != 0 ? announced : own)});
    }
    case Step::kHost:
      return say({"REPLCONF", "ip-address", config.replica_announce_ip});
    case Step::kCapabilities:
      return say({"REPLCONF", "capa", "eof", "capa", "psync2"});
    case Step::kPsync: {
      const ReplicationHistory& history = server_.replication.history;
      if (!server_.replication.has_log) return say({"PSYNC", "?", "-1"});
      const std::string offset = std::to_string(history.offset + 1);
      if (hands_over_) return say({"PSYNC", history.id, offset, "FAILOVER"});
      return say({"PSYNC", history.id, offset});
    }
  }
}

void MasterLink::OnAnswer(std::string_view line) {
  if (step_ == Step::kPsync) return OnPsyncAnswer(line);
  const bool is_error = line.starts_with('-');
  const bool asks_for_login =
      line.starts_with("-NOAUTH") || line.starts_with("-NOPERM") ||
      line.starts_with("-ERR operation not permitted");  // wire: of a server without users
  if (step_ == Step::kPing && is_error && !asks_for_login) return Disconnect(line);
  if (step_ == Step::kAuth && is_error) {
    return Disconnect("Unable to AUTH to MASTER: " + std::string(line.substr(1)));
  }
  // What an older master does not know of REPLCONF it can do without.
  step_ = static_cast<Step>(static_cast<int>(step_) + 1);
  SayNext();
}

void MasterLink::OnPsyncAnswer(std::string_view line) {
  if (line.starts_with("+CONTINUE")) {
    std::string_view rest = line.substr(1);
    TakeWord(rest);
    const std::string id(TakeWord(rest));
    if (!id.empty() && id.size() != kIdBytes) return Disconnect("its answer to PSYNC is no good");
    hands_over_ = false;
    hooks_.resume(id);
    runtime::LogInfo("Successful partial resynchronization with master");
    return BeginStream();
  }
  if (hands_over_) {
    // Not from within the link, which ends with this.
    return loop_.Defer([refused = hooks_.refused] { refused(); });
  }
  if (!line.starts_with("+FULLRESYNC")) return Disconnect(line);
  std::string_view rest = line.substr(1);
  TakeWord(rest);
  sync_id_ = TakeWord(rest);
  const auto offset = NumberOf(rest);
  if (sync_id_.size() != kIdBytes || !offset || *offset < 0 || *offset > kReplOffsetMax) {
    return Disconnect("its answer to PSYNC is no good");
  }
  sync_offset_ = *offset;
  SetState(MasterLinkState::kSync);
  stage_ = Stage::kHeader;
}

// ---- The data set ----

void MasterLink::OnHeader(std::string_view line) {
  MasterFacts& master = server_.replication.master;
  master.sync_read_bytes = 0;
  master.sync_total_bytes = 0;
  constexpr std::string_view kMarked = "$EOF:";
  if (line.starts_with(kMarked) && line.size() == kMarked.size() + kMarkBytes) {
    mark_ = line.substr(kMarked.size());
  } else {
    const auto length = line.starts_with('$') ? NumberOf(line.substr(1)) : std::nullopt;
    if (!length || *length <= 0) return Disconnect(line);
    mark_.clear();
    master.sync_total_bytes = static_cast<std::uint64_t>(*length);
  }
  stage_ = Stage::kPayload;
  if (const auto way = WayAtOnce()) return BeginLoading(*way);
  auto file = SyncFile::Create(server_.Config().dir);
  if (!file) return Disconnect(file.error().text);
  file_ = std::move(*file);
  end_of_file_.clear();
}

std::optional<SyncedData::Way> MasterLink::WayAtOnce() const {
  using Load = config::DisklessLoad;
  const Load load = server_.Config().repl_diskless_load;
  if (load == Load::kOnEmptyDb && IsEmpty()) return SyncedData::Way::kInPlace;
  if (load != Load::kSwapdb) return std::nullopt;
  const bool is_of_same_history = server_.replication.history.id == sync_id_;
  return is_of_same_history ? SyncedData::Way::kServing : SyncedData::Way::kBeside;
}

bool MasterLink::IsEmpty() const {
  for (int i = 0; i < server_.DatabaseCount(); ++i) {
    const Keyspace* database = server_.DatabaseIfUsed(i);
    if (database != nullptr && database->Size() != 0) return false;
  }
  return true;
}

std::size_t MasterLink::TakeToFile(std::string_view input) {
  MasterFacts& master = server_.replication.master;
  if (mark_.empty()) {
    input = input.substr(0, master.sync_total_bytes - master.sync_read_bytes);
  }
  if (!file_->Write(input)) {
    Disconnect(file_->Error());
    return 0;
  }
  master.sync_read_bytes += input.size();
  if (mark_.empty()) {
    if (master.sync_read_bytes == master.sync_total_bytes) BeginReadingFile();
    return input.size();
  }
  // Nothing follows the mark before it is answered.
  end_of_file_.append(input.substr(input.size() - std::min(input.size(), kMarkBytes)));
  if (end_of_file_.size() > kMarkBytes) end_of_file_.erase(0, end_of_file_.size() - kMarkBytes);
  if (end_of_file_ == mark_) {
    file_->EndAt(file_->Bytes() - kMarkBytes);
    BeginReadingFile();
  }
  return input.size();
}

void MasterLink::BeginReadingFile() {
  stage_ = Stage::kFile;
  connection_->PauseReading();
  server_.replication.master.sync_total_bytes = file_->Bytes();
  BeginLoading(SyncedData::Way::kInPlace);
  ReadFileLater();
}

void MasterLink::ReadFileLater() {
  loop_.DeferToNextTurn([this, is_alive = is_alive_] {
    if (*is_alive) ReadFile();
  });
}

void MasterLink::ReadFile() {
  if (stage_ != Stage::kFile) return;
  if (!server_.busy_error.empty()) return ReadFileLater();
  server_.RefreshClock();
  std::string buffer(BytesAtATime(), '\0');
  const std::string_view bytes = file_->Read(buffer);
  if (bytes.empty()) {
    return Disconnect(file_->IsAtEnd() ? data_->ErrorOfEnd() : file_->Error());
  }
  std::size_t taken = 0;
  const auto status = data_->Feed(bytes, taken);
  if (status == RdbFileReader::Status::kFailed) return Disconnect(data_->Error());
  const std::uint64_t wait_ms = load_pace_.WaitMs(data_->KeysLoaded(), runtime::MonotonicUs());
  if (wait_ms != 0) return pace_timer_.Start(wait_ms, 0, [this, status] { GoOnWithFile(status); });
  GoOnWithFile(status);
}

void MasterLink::GoOnWithFile(RdbFileReader::Status status) {
  const bool is_script_busy = !server_.busy_error.empty();
  if (is_script_busy) return pace_timer_.Start(1, 0, [this, status] { GoOnWithFile(status); });
  if (status == RdbFileReader::Status::kReading) return ReadFileLater();
  connection_->ResumeReading();
  Accept();
}

void MasterLink::BeginLoading(SyncedData::Way way) {
  if (way == SyncedData::Way::kInPlace) {
    hooks_.begin_sync();
    // Nobody is to be elected with half of a data set.
    server_.replication.master.has_copy = false;
  }
  data_.emplace(server_, way, server_.replication.master.sync_total_bytes);
  load_pace_ = KeyPace(server_.Config().key_load_delay_us, runtime::MonotonicUs());
}

void MasterLink::Accept() {
  if (!data_->Accept()) return Disconnect("the functions of the data set cannot be loaded");
  if (!data_->IsInPlace()) hooks_.begin_sync();
  server_.replication.history.stream_db = data_->StreamDb();
  acknowledges_often_until_ms_ = server_.now_ms + kAcknowledgeMs;
  EndLoading();
  hooks_.end_sync(sync_id_, sync_offset_);
  runtime::LogInfo("MASTER <-> REPLICA sync: Finished with success");
  BeginStream();
}

void MasterLink::EndLoading() {
  file_.reset();
  pace_timer_.Stop();
  is_held_back_ = false;
  data_.reset();
}

std::size_t MasterLink::TakePayload(std::string_view input) {
  if (file_) return TakeToFile(input);
  MasterFacts& master = server_.replication.master;
  std::size_t taken = 0;
  const auto status = data_->Feed(input.substr(0, BytesAtATime()), taken);
  master.sync_read_bytes += taken;
  if (status == RdbFileReader::Status::kFailed) {
    Disconnect(data_->Error());
    return 0;
  }
  if (status == RdbFileReader::Status::kReading) {
    KeepLoadPace();
    return taken;
  }
  if (mark_.empty() && master.sync_read_bytes != master.sync_total_bytes) {
    Disconnect("the data set is not as long as was said");
    return 0;
  }
  if (mark_.empty()) {
    Accept();
  } else {
    stage_ = Stage::kMark;
  }
  return taken;
}

std::size_t MasterLink::BytesAtATime() const {
  return load_pace_.IsOn() ? kLoadedPerStep : kLoadedPerTurn;
}

void MasterLink::KeepLoadPace() {
  if (!load_pace_.IsOn()) return;
  const std::uint64_t wait_ms = load_pace_.WaitMs(data_->KeysLoaded(), runtime::MonotonicUs());
  if (wait_ms == 0) return;
  is_held_back_ = true;
  connection_->PauseReading();
  pace_timer_.Start(wait_ms, 0, [this] {
    is_held_back_ = false;
    server_.RefreshClock();
    server_.replication.master.last_io_ms = server_.now_ms;
    if (!stands_still_) connection_->ResumeReading();
  });
}

std::size_t MasterLink::TakeMark(std::string_view input) {
  if (input.size() < kMarkBytes) return 0;
  if (input.substr(0, kMarkBytes) != mark_) {
    Disconnect("the data set does not end as was said");
    return 0;
  }
  Accept();
  return kMarkBytes;
}

// ---- The stream ----

void MasterLink::BeginStream() {
  master_.db_index = server_.replication.history.stream_db;
  stage_ = Stage::kStream;
  JoinClients();
  SetState(MasterLinkState::kConnected);
  server_.replication.master.has_copy = true;
  runtime::LogInfo("follows master {}:{} from offset {}", server_.replication.master.host,
                   server_.replication.master.port, server_.replication.history.offset);
  Acknowledge();
}

std::size_t MasterLink::OnBytes(std::string_view input) {
  if (!server_.busy_error.empty()) {
    StandStill();
    return 0;
  }
  server_.RefreshClock();
  server_.replication.master.last_io_ms = server_.now_ms;
  server_.replication.stream_input_bytes += input.size();
  std::size_t taken = 0;
  while (taken < input.size() && stage_ != Stage::kIdle && stage_ != Stage::kFile && !is_held_back_) {
    const std::string_view rest = input.substr(taken);
    std::size_t count = 0;
    switch (stage_) {
      case Stage::kPayload:
        count = TakePayload(rest);
        break;
      case Stage::kMark:
        count = TakeMark(rest);
        break;
      case Stage::kStream:
        count = TakeStream(rest);
        break;
      default:
        count = TakeLine(rest);
        break;
    }
    if (count == 0) break;
    taken += count;
  }
  server_.replication.stream_input_bytes -= input.size() - taken;  // it is offered again
  return taken;
}

std::size_t MasterLink::TakeLine(std::string_view input) {
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) {
    if (input.size() > kLineBytesMax) Disconnect("what it says is no answer");
    return 0;
  }
  std::string_view line = input.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  // Empty ones say that it is still alive.
  if (line.empty()) return end + 1;
  if (stage_ == Stage::kHeader) {
    OnHeader(line);
  } else {
    OnAnswer(line);
  }
  return end + 1;
}

std::size_t MasterLink::TakeStream(std::string_view input) {
  using Status = protocol::RespRequestParser::Status;
  std::size_t taken = 0;
  is_applying_ = true;
  server_.SetAppliesStream(true);
  master_.last_active_ms = server_.now_ms;
  while (stage_ == Stage::kStream) {
    const Status status = parser_.Parse(input.substr(taken));
    if (status == Status::kError) {
      is_applying_ = false;
      server_.SetAppliesStream(false);
      Disconnect(parser_.ErrorText());
      return 0;
    }
    if (status == Status::kIncomplete) {
      connection_->ExpectInput(input.size() - taken + parser_.BytesMissing());
      break;
    }
    const std::string_view bytes = input.substr(taken, parser_.Consumed());
    taken += bytes.size();
    Apply(bytes);
  }
  is_applying_ = false;
  server_.SetAppliesStream(false);
  parser_.GiveBackLargeBuffers();
  return taken;
}

void MasterLink::Apply(std::string_view bytes) {
  const std::span<const std::string_view> args = parser_.Args();
  if (args.size() == 3 && EqualsNoCase(args[0], "replconf") && EqualsNoCase(args[1], "getack")) {
    AcknowledgeLater();
  } else if (!args.empty()) {
    hooks_.apply(master_, args);
    if (!*is_alive_) return;
    server_.replication.history.stream_db = master_.db_index;
  }
  // Who resumes in the middle of a transaction must get it from its beginning.
  if (master_.Is(ClientWay::kQueueing)) {
    in_transaction_.append(bytes);
    return;
  }
  if (!in_transaction_.empty()) hooks_.advance(std::exchange(in_transaction_, {}));
  hooks_.advance(bytes);
}

void MasterLink::AcknowledgeLater() {
  if (std::exchange(acknowledges_later_, true)) return;
  loop_.Defer([this, is_alive = is_alive_] {
    if (!*is_alive) return;
    acknowledges_later_ = false;
    if (stage_ == Stage::kStream) Acknowledge();
  });
}

void MasterLink::Acknowledge() {
  acknowledged_ms_ = server_.now_ms;
  if (has_master_failed_) return;
  const LogFacts& log = server_.persistence.log;
  acknowledged_on_disk_ = log.synced_offset;
  const bool has_all = log.is_on && log.is_whole && log.synced_bytes == log.added_bytes;
  if (has_all) acknowledged_on_disk_ = server_.replication.history.offset;
  const std::string offset = std::to_string(server_.replication.history.offset);
  const std::string on_disk = std::to_string(acknowledged_on_disk_);
  const std::string_view words[] = {"REPLCONF", "ACK", offset, "FACK", on_disk};
  Send(std::span(words).first(acknowledged_on_disk_ >= 0 ? 5 : 3));
}

}  // namespace slotway::storage
