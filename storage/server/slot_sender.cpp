// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_sender.h"

#include <utility>

#include "protocol/resp_writer.h"
#include "runtime/log.h"
#include "storage/persistence/snapshot_runner.h"
#include "storage/server/slot_snapshot.h"

namespace slotway::storage {
namespace {

// What of the snapshot is handed to the connection ahead of what its socket takes.
constexpr std::size_t kAheadBytes = 4 * 1024 * 1024;
constexpr std::size_t kLineBytesMax = 1024;

}  // namespace

SlotSender::SlotSender(runtime::EventLoop& loop, ServerState& server,
                       cluster::MigrationRecord record, Target target,
                       const cluster::ExportSettings& settings, Hooks hooks)
    : ChangeFeed(Audience::kReplicas),
      loop_(loop),
      server_(server),
      record_(std::move(record)),
      slots_(cluster::BitmapOf(record_.ranges)),
      target_(std::move(target)),
      hooks_(std::move(hooks)),
      machine_(*this, record_, settings),
      changes_(slots_) {}

SlotSender::~SlotSender() {
  connection_.reset();
  Disconnect();
}

void SlotSender::Touch() { record_.updated_s = server_.now_ms / 1000; }

void SlotSender::Tick() {
  if (!problem_.empty()) machine_.Fail(problem_);
  machine_.Tick(hooks_.now_ms());
  Touch();
}

void SlotSender::Connect() {
  const auto address = runtime::SocketAddress::FromNumeric(target_.ip, target_.port);
  if (!address) {
    problem_ = "the target has no address";
    return;
  }
  const auto timeout_ms = static_cast<std::uint64_t>(server_.Config().repl_timeout_s) * 1000;
  connection_ = runtime::Connection::Connect(loop_, *address, timeout_ms,
                                             runtime::FlushStage::kUpstream, *this,
                                             server_.tls.ToNode(server_.Config().tls_cluster));
}

void SlotSender::Disconnect() {
  if (std::exchange(is_fed_, false)) server_.propagation.RemoveFeed(*this);
  kept_.clear();
  kept_bytes_ = 0;
  if (connection_) {
    connection_->Abandon();
    // Not within one of its callbacks. std::function wants something to copy; the deferred call is
    // the only owner.
    loop_.Defer([dying = connection_.release()] { delete dying; });
  }
  if (std::exchange(has_snapshot_, false)) server_.snapshots->GiveUp();
}

// ---- What is said ----

void SlotSender::Send(std::string_view bytes) {
  if (!connection_) return;
  connection_->Output().Append(bytes);
  connection_->MarkForFlush();
  sent_bytes_ += bytes.size();
  record_.bytes += bytes.size();
}

void SlotSender::Say(std::span<const std::string_view> words) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, words);
  Send(bytes);
}

void SlotSender::SendLogin() {
  const config::ShardConfig& config = server_.Config();
  const std::string_view words[] = {"AUTH", config.masteruser, config.masterauth};
  const std::string_view without_user[] = {"AUTH", config.masterauth};
  if (config.masteruser.empty()) {
    Say(without_user);
  } else {
    Say(words);
  }
}

void SlotSender::SendEstablish() {
  std::vector<std::string_view> words = {
      "CLUSTER",    "SYNCSLOTS",           "ESTABLISH",
      record_.name, record_.source.Text(), record_.target.Text()};
  const std::vector<std::string> bounds = cluster::BoundsOf(record_.ranges);
  words.insert(words.end(), bounds.begin(), bounds.end());
  Say(words);
}

void SlotSender::SendMark() {
  static constexpr std::string_view kWords[] = {"CLUSTER", "SYNCSLOTS", "ACK"};
  Say(kWords);
  marked_bytes_ = sent_bytes_;
}

void SlotSender::AskToPause(std::int64_t pause_ms) {
  const std::string time = std::to_string(pause_ms);
  const std::string_view words[] = {"CLUSTER", "SYNCSLOTS", "PAUSE", time};
  Say(words);
  marked_bytes_ = sent_bytes_;
}

// Nothing may follow: the target is the owner then.
void SlotSender::SendFinish() {
  static constexpr std::string_view kWords[] = {"CLUSTER", "SYNCSLOTS", "FINISH"};
  Say(kWords);
}

// ---- The data ----

bool SlotSender::BeginSnapshot() {
  if (server_.snapshots->IsBusy()) return false;
  server_.propagation.AddFeed(*this);
  is_fed_ = has_snapshot_ = true;
  SnapshotSink& sink = *this;
  server_.snapshots->Begin(std::make_unique<SlotSnapshot>(server_, slots_, sink), sink,
                           server_.Config().rdb_key_save_delay_us,
                           [this](bool is_complete) { OnSnapshotEnded(is_complete); });
  return true;
}

void SlotSender::OnSnapshotEnded(bool is_complete) {
  has_snapshot_ = false;
  if (machine_.IsOver()) return;
  SendKept();
  machine_.OnSnapshotEnded(is_complete, hooks_.now_ms());
  hooks_.changed();
}

void SlotSender::SendKept() {
  is_snapshot_sent_ = true;
  for (const std::string& bytes : std::exchange(kept_, {})) Send(bytes);
  kept_bytes_ = 0;
}

void SlotSender::Take(std::string& chunk) {
  ++record_.keys;
  Send(chunk);
  chunk.clear();
}

bool SlotSender::HasRoom() const {
  return connection_ != nullptr && connection_->UnwrittenBytes() < kAheadBytes;
}

// Within the command that made the change: nothing ends here.
void SlotSender::Append(std::string_view commands) {
  // Clients of the slots are held: all that can change is what is due, and the target sees that.
  if (record_.state == cluster::MigrationState::kHandover || !machine_.FollowsChanges()) return;
  if (!problem_.empty()) return;
  std::string own;
  if (!changes_.Take(commands, own)) {
    problem_ = "a command has changed keys of its slots and of others";
    return;
  }
  if (own.empty()) return;
  if (is_snapshot_sent_) return Send(own);
  kept_bytes_ += own.size();
  kept_.push_back(std::move(own));
}

// ---- What is heard ----

void SlotSender::OnConnected() {
  machine_.OnConnected(hooks_.now_ms());
  hooks_.changed();
}

void SlotSender::OnClosed(std::string_view reason) {
  const std::string told(reason);
  if (connection_) {
    connection_->Abandon();
    loop_.Defer([dying = connection_.release()] { delete dying; });
  }
  machine_.OnClosed(told, hooks_.now_ms());
  hooks_.changed();
}

std::size_t SlotSender::OnBytes(std::string_view input) {
  // In the middle of somebody's script nothing is handed over.
  if (!server_.busy_error.empty()) {
    connection_->YieldReading();
    return 0;
  }
  server_.RefreshClock();
  if (!problem_.empty()) machine_.Fail(problem_);
  std::size_t taken = 0;
  while (connection_) {
    const std::string_view rest = input.substr(taken);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      if (rest.size() > kLineBytesMax) machine_.Fail("what the target says is no answer");
      break;
    }
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    taken += end + 1;
    if (line == "+ACK" || line == "+PAUSE") acknowledged_bytes_ = marked_bytes_;
    record_.acknowledged_s = server_.now_ms / 1000;
    machine_.OnAnswer(line, hooks_.now_ms());
  }
  record_.pending_bytes = PendingBytes();
  hooks_.changed();
  return taken;
}

}  // namespace slotway::storage
