// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_export.h"

#include <charconv>
#include <optional>

namespace slotway::storage::cluster {
namespace {

using State = MigrationState;

// Between two questions how far the target is.
constexpr std::int64_t kMarkMs = 100;
// Until a target that is still busy with what was there before is asked again.
constexpr std::int64_t kAgainMs = 100;

std::optional<Epoch> EpochOf(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Epoch(number);
}

}  // namespace

void SlotExport::Start(std::int64_t now_ms) {
  began_ms_ = heard_ms_ = now_ms;
  Enter(State::kConnecting);
  port_.Connect();
}

void SlotExport::OnConnected(std::int64_t now_ms) {
  heard_ms_ = now_ms;
  if (port_.HasLogin()) {
    Enter(State::kAuthenticating);
    port_.SendLogin();
  } else {
    Enter(State::kEstablishing);
    port_.SendEstablish();
  }
}

void SlotExport::OnAnswer(std::string_view line, std::int64_t now_ms) {
  if (IsOver()) return;
  heard_ms_ = now_ms;
  if (line.starts_with('-')) return OnRefusal(line.substr(1));
  switch (record_.state) {
    case State::kAuthenticating:
      Enter(State::kEstablishing);
      return port_.SendEstablish();
    case State::kEstablishing:
      return BeginSnapshot();
    case State::kPausing:
      if (line == "+PAUSE") return BeginHandover(now_ms);
      break;
    case State::kHandover:
      if (constexpr std::string_view kDone = "+DONE "; line.starts_with(kDone)) {
        if (const auto epoch = EpochOf(line.substr(kDone.size()))) {
          port_.GiveSlots(*epoch);
          return End(State::kSuccess, "");
        }
      }
      break;
    default:
      break;
  }
  if (line == "+ACK") {
    awaits_mark_ = false;
    if (record_.state == State::kStreaming) GoOnStreaming(now_ms);
  }
}

// An error of the target is its last word: it has taken nothing over, and never will.
void SlotExport::OnRefusal(std::string_view error) {
  const bool is_passing = record_.state == State::kEstablishing && error.starts_with("TRYAGAIN");
  if (is_passing) {
    establish_again_ms_ = heard_ms_ + kAgainMs;
    record_.message = error;
    return;
  }
  End(State::kFailed, "the target says: " + std::string(error));
}

void SlotExport::BeginSnapshot() {
  record_.message.clear();
  establish_again_ms_ = 0;
  Enter(State::kSnapshotting);
  if (!port_.BeginSnapshot()) Enter(State::kWaitingForSnapshot);
}

void SlotExport::OnSnapshotEnded(bool is_complete, std::int64_t now_ms) {
  if (IsOver()) return;
  if (!is_complete) return End(State::kFailed, "the snapshot was given up");
  Enter(State::kStreaming);
  Tick(now_ms);
}

void SlotExport::GoOnStreaming(std::int64_t now_ms) {
  if (port_.PendingBytes() > settings_.handover_bytes) return;
  Enter(State::kPausing);
  marked_ms_ = now_ms;
  port_.AskToPause(settings_.pause_ms);
}

void SlotExport::BeginHandover(std::int64_t now_ms) {
  Enter(State::kHandover);
  held_until_ms_ = now_ms + settings_.pause_ms;
  port_.HoldClients(true);
  port_.SendFinish();
}

void SlotExport::OnClosed(std::string_view reason, std::int64_t) {
  if (IsOver()) return;
  if (record_.state != State::kHandover) {
    return End(State::kFailed, "the connection to the target: " + std::string(reason));
  }
  is_lost_ = true;
  lost_reason_ = reason;
}

void SlotExport::Tick(std::int64_t now_ms) {
  if (IsOver() || record_.state == State::kQueued) return;
  record_.pending_bytes = port_.PendingBytes();
  if (record_.state == State::kHandover) {
    if (now_ms < held_until_ms_) return;
    // By now the target has taken over or never will. Who was told of it tells this node.
    if (now_ms < held_until_ms_ + settings_.node_timeout_ms) return;
    const TargetNews news = port_.NewsOfTarget(held_until_ms_);
    if (news == TargetNews::kNone) return;
    if (news == TargetNews::kHasFailed) port_.RaiseEpoch();
    return End(State::kFailed, is_lost_ ? "the connection to the target: " + lost_reason_
                                        : "the target did not take over in time");
  }
  // Nobody asks the target for anything meanwhile.
  if (record_.state == State::kWaitingForSnapshot) heard_ms_ = now_ms;
  if (now_ms - heard_ms_ > settings_.timeout_ms) {
    return End(State::kFailed, "nothing heard of the target for repl-timeout");
  }
  if (record_.pending_bytes > settings_.pending_bytes_max) {
    return End(State::kFailed,
               "the keys change faster than the target takes it: "
               "client-output-buffer-limit replica");
  }
  if (record_.state == State::kEstablishing && establish_again_ms_ != 0 &&
      now_ms >= establish_again_ms_) {
    if (now_ms - began_ms_ > settings_.timeout_ms) return End(State::kFailed, record_.message);
    establish_again_ms_ = 0;
    port_.SendEstablish();
  }
  if (record_.state == State::kWaitingForSnapshot) BeginSnapshot();
  const bool is_sending =
      record_.state == State::kSnapshotting || record_.state == State::kStreaming;
  if (is_sending && !awaits_mark_ && now_ms - marked_ms_ >= kMarkMs) {
    awaits_mark_ = true;
    marked_ms_ = now_ms;
    port_.SendMark();
  }
}

void SlotExport::OnOwners(bool are_mine, bool are_targets, std::int64_t) {
  if (IsOver() || are_mine) return;
  if (record_.state == State::kHandover && are_targets) return End(State::kSuccess, "");
  End(State::kFailed, "slots of it have changed hands");
}

void SlotExport::Fail(std::string_view reason) {
  // What was handed over was whole.
  if (!IsOver() && record_.state != State::kHandover) End(State::kFailed, reason);
}

bool SlotExport::Cancel() {
  if (IsOver() || record_.state == State::kHandover) return false;
  End(State::kCancelled, "");
  return true;
}

void SlotExport::End(MigrationState state, std::string_view message) {
  const bool held = record_.state == State::kHandover;
  record_.state = state;
  record_.message = message;
  if (state == State::kSuccess) record_.pending_bytes = 0;
  port_.Disconnect();
  if (held) port_.HoldClients(false);
}

}  // namespace slotway::storage::cluster
