// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/range_mover.h"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <thread>

#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

constexpr auto kPause = std::chrono::milliseconds(50);
constexpr std::uint64_t kProgressMs = 1000;
// A migration that failed has left everything as it was; what was in its way may be gone.
constexpr int kAttempts = 3;

void TakeField(MigrationView& view, std::string_view name, const RespValue& value) {
  if (name == "name") view.name = value.text;
  if (name == "slot_ranges") view.slots = value.text;
  if (name == "target_node") view.target = value.text;
  if (name == "state") view.state = value.text;
  if (name == "message") view.message = value.text;
  if (name == "operation") view.is_export = value.text == "EXPORT";
  if (name == "keys") view.keys = value.integer;
  if (name == "bytes") view.bytes = value.integer;
}

}  // namespace

Result<std::vector<MigrationView>> ReadMigrations(const RespValue& reply) {
  std::vector<MigrationView> views;
  if (reply.IsError()) return Fail(reply.text);
  for (const RespValue& entry : reply.elements) {
    MigrationView view;
    for (std::size_t i = 0; i + 1 < entry.elements.size(); i += 2) {
      TakeField(view, entry.elements[i].text, entry.elements[i + 1]);
    }
    if (view.name.empty() || view.state.empty()) return Fail("a migration without name or state");
    views.push_back(std::move(view));
  }
  return views;
}

std::string RangesOf(std::span<const SlotMove> moves) {
  std::string text;
  for (std::size_t i = 0; i < moves.size();) {
    std::size_t end = i + 1;
    while (end < moves.size() && moves[end].slot == moves[end - 1].slot + 1) ++end;
    text += fmt::format("{}{}-{}", text.empty() ? "" : " ", moves[i].slot, moves[end - 1].slot);
    i = end;
  }
  return text;
}

RangeMover::Speech RangeMover::SpeechOf(const std::string& id) {
  auto list = session_.Client(id).Ask({"CLUSTER", "GETSLOTMIGRATIONS"});
  if (!list || list->IsError()) return Speech::kNone;
  auto info = session_.Client(id).Ask({"INFO", "server"});
  const bool is_ours = info && info->text.find("slotway_version") != std::string::npos;
  return is_ours ? Speech::kOurs : Speech::kOther;
}

bool RangeMover::CanMove(const std::string& from, const std::string& to) {
  const Speech speech = SpeechOf(from);
  return speech != Speech::kNone && speech == SpeechOf(to);
}

Result<std::vector<MigrationView>> RangeMover::ListOf(const std::string& id) {
  auto reply = session_.Client(id).Call({"CLUSTER", "GETSLOTMIGRATIONS"});
  if (!reply) return tl::unexpected(reply.error());
  return ReadMigrations(*reply);
}

void RangeMover::ShowProgress(const MigrationView& view) {
  const std::uint64_t now_ms = runtime::MonotonicMs();
  if (now_ms - shown_ms_ < kProgressMs) return;
  shown_ms_ = now_ms;
  Say(fmt::format("  slots {}: {}, {} keys, {} MB", view.slots, view.state, view.keys,
                  view.bytes / 1'000'000));
}

Result<void> RangeMover::WaitForAll() {
  for (const std::string& id : session_.Reached()) {
    if (SpeechOf(id) == Speech::kNone) continue;
    while (true) {
      auto views = ListOf(id);
      if (!views) return tl::unexpected(views.error());
      const auto at_work = std::find_if(views->begin(), views->end(),
                                        [](const auto& view) { return !view.IsOver(); });
      if (at_work == views->end()) break;
      ShowProgress(*at_work);
      std::this_thread::sleep_for(kPause);  // poll: nobody tells when it is over
    }
  }
  return {};
}

// The newest of these slots: an earlier one may have failed.
Result<MigrationView> RangeMover::Await(const std::string& source, const std::string& slots) {
  while (true) {
    auto views = ListOf(source);
    if (!views) return tl::unexpected(views.error());
    const auto ours = std::find_if(views->begin(), views->end(), [&slots](const auto& view) {
      return view.is_export && view.slots == slots;
    });
    if (ours == views->end()) return Fail("the migration of slots " + slots + " is not there");
    if (ours->IsOver()) return *ours;
    ShowProgress(*ours);
    std::this_thread::sleep_for(kPause);  // poll: nobody tells when it is over
  }
}

Result<void> RangeMover::Move(std::span<const SlotMove> moves) {
  NodeClient& source = session_.Client(moves[0].from);
  const std::string slots = RangesOf(moves);
  NodeRequest request = {"CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"};
  for (std::string_view rest = slots; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of("- "), rest.size());
    request.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  request.insert(request.end(), {"NODE", moves[0].to});
  for (int attempt = 1;; ++attempt) {
    if (auto begun = source.Call(request); !begun) return tl::unexpected(begun.error());
    auto view = Await(moves[0].from, slots);
    if (!view) return tl::unexpected(view.error());
    keys_moved_ += static_cast<std::uint64_t>(view->HasFailed() ? 0 : view->keys);
    if (!view->HasFailed()) return {};
    const std::string problem =
        fmt::format("{}: slots {}: {} {}", source.Name(), slots, view->state, view->message);
    if (view->state == "cancelled" || attempt == kAttempts) return Fail(problem);
    Say(problem + " (once more)");
  }
}

}  // namespace slotway::proxy
