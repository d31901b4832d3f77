// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_mover.h"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <iterator>
#include <thread>

#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

// Open at a time: each open slot costs clients redirects, and each batch every node some writes of
// nodes.conf.
constexpr std::size_t kSlotsPerBatch = 512;
constexpr std::int64_t kKeysPerBatch = 20'000;
constexpr std::size_t kKeysPerCall = 64;  // both nodes stand still for one call
constexpr std::string_view kMigrateMs = "60000";
constexpr std::uint64_t kProgressMs = 1000;
constexpr std::uint64_t kTroubleMsMax = 30'000;  // without a key that moves
constexpr auto kPause = std::chrono::milliseconds(20);

// Nothing is wrong with the keys: a node is busy, or holds another for failed.
bool IsPassing(std::string_view error) {
  constexpr std::string_view kWords[] = {"IOERR", "CLUSTERDOWN", "LOADING", "TRYAGAIN"};
  return std::any_of(std::begin(kWords), std::end(kWords), [error](std::string_view word) {
    return error.find(word) != std::string_view::npos;
  });
}

NodeRequest MigrateRequest(const protocol::Endpoint& target, const ToolLogin& login,
                           const std::vector<RespValue>& keys, bool replaces) {
  NodeRequest request = {"MIGRATE", target.host, std::to_string(target.port),
                         "",        "0",         std::string(kMigrateMs)};
  if (replaces) request.push_back("REPLACE");
  if (!login.password.empty() && login.user.empty()) {
    request.insert(request.end(), {"AUTH", login.password});
  } else if (!login.password.empty()) {
    request.insert(request.end(), {"AUTH2", login.user, login.password});
  }
  request.push_back("KEYS");
  for (const RespValue& key : keys) request.push_back(key.text);
  return request;
}

// Of a source: with its last slot it has become a replica of whoever has that now.
Result<void> UnlessReplica(Result<void> done) {
  const bool is_replica =
      !done && done.error().text.find("SETSLOT only with masters") != std::string::npos;
  return is_replica ? Result<void>() : done;
}

}  // namespace

Result<void> SlotMover::MarkAll(const std::string& node, std::span<const SlotMove> batch,
                                std::string_view what, std::string SlotMove::*peer) {
  std::vector<NodeRequest> requests;
  for (const SlotMove& move : batch) {
    requests.push_back(
        {"CLUSTER", "SETSLOT", std::to_string(move.slot), std::string(what), move.*peer});
  }
  NodeClient& client = session_.Client(node);
  auto replies = client.AskAll(requests);
  if (!replies) return tl::unexpected(replies.error());
  for (std::size_t i = 0; i < replies->size(); ++i) {
    if (!(*replies)[i].IsError()) continue;
    return Fail(fmt::format("{}: SETSLOT {} {}: {}", client.Name(), batch[i].slot, what,
                            (*replies)[i].text));
  }
  return {};
}

Result<void> SlotMover::MoveKeys(const SlotMove& move, bool replaces) {
  NodeClient& source = session_.Client(move.from);
  const protocol::Endpoint target = session_.View(move.to).Myself().endpoint;
  std::uint64_t moved_ms = runtime::MonotonicMs();
  while (true) {
    Result<RespValue> keys = source.Call(
        {"CLUSTER", "GETKEYSINSLOT", std::to_string(move.slot), std::to_string(kKeysPerCall)});
    if (!keys) return tl::unexpected(keys.error());
    if (keys->elements.empty()) return {};
    auto reply = source.Ask(MigrateRequest(target, login_, keys->elements, false));
    if (reply && reply->IsError() && replaces && reply->text.find("BUSYKEY") != std::string::npos) {
      // A call that was cut off between the copy and the deletion: clients are served from here.
      reply = source.Ask(MigrateRequest(target, login_, keys->elements, true));
    }
    if (!reply) return tl::unexpected(reply.error());
    if (!reply->IsError() && reply->text != "NOKEY") {
      keys_moved_ += keys->elements.size();
      moved_ms = runtime::MonotonicMs();
      continue;
    }
    // Without any key: all of them have expired and wait to be deleted.
    const bool may_pass = !reply->IsError() || IsPassing(reply->text);
    if (!may_pass || runtime::MonotonicMs() - moved_ms > kTroubleMsMax) {
      return Fail(fmt::format("{}: MIGRATE of slot {}: {}", source.Name(), move.slot, reply->text));
    }
    std::this_thread::sleep_for(kPause);  // poll: nobody tells when it is over
  }
}

void SlotMover::TellOthers(std::span<const SlotMove> batch) {
  for (const std::string& other : session_.Masters()) {
    if (other == batch[0].from || other == batch[0].to) continue;
    // Not needed, since nodes tell each other: it spares clients a redirect.
    (void)MarkAll(other, batch, "NODE", &SlotMove::to);
  }
}

// The target comes first, then the source: so there is always one that says that the slot is its.
Result<void> SlotMover::MoveBatch(std::span<const SlotMove> batch) {
  const std::string& from = batch[0].from;
  const std::string& to = batch[0].to;
  auto done = MarkAll(to, batch, "IMPORTING", &SlotMove::from);
  if (done) done = MarkAll(from, batch, "MIGRATING", &SlotMove::to);
  for (const SlotMove& move : batch) {
    if (done) done = MoveKeys(move, true);
  }
  if (done) done = MarkAll(to, batch, "NODE", &SlotMove::to);
  if (done) done = UnlessReplica(MarkAll(from, batch, "NODE", &SlotMove::to));
  if (done) TellOthers(batch);
  return done;
}

void SlotMover::ShowProgress(std::size_t done, std::size_t total) {
  const std::uint64_t now_ms = runtime::MonotonicMs();
  if (done != total && now_ms - shown_ms_ < kProgressMs) return;
  shown_ms_ = now_ms;
  Say(fmt::format("  {} of {} slots moved ({} %), {} keys", done, total, 100 * done / total,
                  KeysMoved()));
}

std::size_t SlotMover::GroupSize(std::span<const SlotMove> moves) {
  std::size_t end = 1;
  while (end < moves.size() && moves[end].from == moves[0].from && moves[end].to == moves[0].to) {
    ++end;
  }
  return end;
}

Result<std::size_t> SlotMover::BatchSize(std::span<const SlotMove> moves) {
  const std::size_t end = std::min(GroupSize(moves), kSlotsPerBatch);
  std::vector<NodeRequest> requests;
  for (const SlotMove& move : moves.first(end)) {
    requests.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(move.slot)});
  }
  auto counts = session_.Client(moves[0].from).AskAll(requests);
  if (!counts) return tl::unexpected(counts.error());
  std::int64_t keys = 0;
  std::size_t size = 0;
  while (size < end && (size == 0 || keys + (*counts)[size].integer <= kKeysPerBatch)) {
    keys += (*counts)[size++].integer;
  }
  return size;
}

Result<void> SlotMover::Move(std::span<const SlotMove> moves, Way way) {
  std::size_t done = 0;
  shown_ms_ = runtime::MonotonicMs();
  while (done < moves.size()) {
    const std::size_t group = GroupSize(moves.subspan(done));
    if (way == Way::kAny && ranges_.CanMove(moves[done].from, moves[done].to)) {
      if (auto moved = ranges_.Move(moves.subspan(done, group)); !moved) return moved;
      done += group;
      ShowProgress(done, moves.size());
      continue;
    }
    Result<std::size_t> size = BatchSize(moves.subspan(done));
    if (!size) return tl::unexpected(size.error());
    if (auto moved = MoveBatch(moves.subspan(done, *size)); !moved) return moved;
    done += *size;
    ShowProgress(done, moves.size());
  }
  return {};
}

}  // namespace slotway::proxy
