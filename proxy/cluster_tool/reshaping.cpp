// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/reshaping.h"

#include <chrono>
#include <fmt/core.h>
#include <thread>

#include "proxy/cluster_tool/membership.h"
#include "proxy/cluster_tool/slot_mover.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

// A node that gave its slots away answers with redirects for so long before it is forgotten: a
// client that still asks it would lose the answer to a write with the connection.
constexpr auto kClientsHear = std::chrono::seconds(5);

}  // namespace

Result<void> MoveSlots(ClusterSession& session, const std::vector<SlotMove>& moves,
                       const ToolLogin& login) {
  if (moves.empty()) return {};
  Say(fmt::format("{} slots move", moves.size()));
  SlotMover mover(session, login);
  if (auto moved = mover.Move(moves); !moved) {
    return Fail(moved.error().text + " (slotway cluster converge finishes what has begun)");
  }
  return session.WaitUntilAgreed();
}

Result<void> CopyFunctions(ClusterSession& session, const std::string& from,
                           const std::string& to) {
  Result<RespValue> dump = session.Client(from).Ask({"FUNCTION", "DUMP"});
  if (!dump) return tl::unexpected(dump.error());
  if (dump->IsError()) return {};  // older than functions
  auto restored = session.Client(to).Call({"FUNCTION", "RESTORE", dump->text, "REPLACE"});
  if (!restored) return tl::unexpected(restored.error());
  return {};
}

// First all others forget it, then it forgets them: until the end its address tells who it is.
Result<void> Forget(ClusterSession& session, const std::string& id) {
  const std::string name = session.NameOf(id);
  for (const std::string& other : session.Reached()) {
    if (other == id || !session.IsReached(other)) continue;
    if (session.View(other).Find(id) == nullptr) continue;
    Result<RespValue> reply = AskOnceLoaded(session, other, {"CLUSTER", "FORGET", id});
    if (!reply) return tl::unexpected(reply.error());
    if (reply->IsError() && reply->text.find("Unknown node") == std::string::npos) {
      return Fail(session.NameOf(other) + ": FORGET: " + reply->text);
    }
  }
  if (session.IsReached(id)) {
    Result<RespValue> reset = AskOnceLoaded(session, id, {"CLUSTER", "RESET", "HARD"});
    if (!reset) return tl::unexpected(reset.error());
    if (reset->IsError()) return Fail(name + ": RESET: " + reset->text);
  }
  session.Exclude(id);
  Say(name + " is forgotten");
  return {};
}

void LetClientsHear(ClusterSession& session) {
  Say("clients have a moment to hear of it");
  std::this_thread::sleep_for(kClientsHear);  // poll: clients look at the cluster when they like
  session.Discover();
}

}  // namespace slotway::proxy
