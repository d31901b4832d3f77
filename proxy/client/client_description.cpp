// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/client_description.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "protocol/ascii.h"
#include "proxy/client/client_session.h"
#include "proxy/client/tracking.h"
#include "proxy/client/transaction.h"

namespace slotway::proxy {
namespace {

constexpr std::array<std::pair<std::string_view, ClientKind>, 5> kKindNames = {{
    {"normal", ClientKind::kNormal},
    {"pubsub", ClientKind::kPubsub},
    {"replica", ClientKind::kReplica},
    {"slave", ClientKind::kReplica},
    {"master", ClientKind::kMaster},
}};

std::string FlagsOf(ClientSession& session) {
  const SessionState& state = session.State();
  std::string flags;
  if ((state.ways & kMonitors) != 0) flags += 'O';
  if (KindOf(session) == ClientKind::kPubsub) flags += 'P';
  if ((state.ways & kQueuesTransaction) != 0) flags += 'x';
  if (session.IsBlocked()) flags += 'b';
  if (const Tracking* tracking = session.OwnTracking()) {
    flags += 't';
    if (tracking->IsRedirectBroken()) flags += 'R';
    if (tracking->Options().is_bcast) flags += 'B';
  }
  if (session.LocalAddress().IsUnix()) flags += 'U';
  if (state.is_readonly) flags += 'r';
  if (state.is_no_evict) flags += 'e';
  if (state.is_no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

// How many requests stand between MULTI and now; -1 without MULTI.
std::int64_t QueuedBy(ClientSession& session) {
  if ((session.State().ways & kQueuesTransaction) == 0) return -1;
  return static_cast<std::int64_t>(session.OwnTransaction().queue.Commands().size());
}

std::int64_t RedirectOf(const ClientSession& session) {
  const Tracking* tracking = session.OwnTracking();
  return tracking == nullptr ? -1 : static_cast<std::int64_t>(tracking->Options().redirect);
}

std::string_view LastCommandOf(const SessionState& state) {
  if (state.last_command == kNoCommand) return "NULL";
  if (protocol::IsLearned(state.last_command)) return state.last_learned;
  return protocol::CommandById(state.last_command).name;
}

}  // namespace

std::optional<ClientKind> ClientKindByName(std::string_view name) {
  for (auto [kind_name, kind] : kKindNames) {
    if (protocol::EqualsNoCase(name, kind_name)) return kind;
  }
  return std::nullopt;
}

ClientKind KindOf(const ClientSession& session) {
  const SessionState& state = session.State();
  bool listens = state.channels + state.patterns + state.shard_channels > 0;
  return listens ? ClientKind::kPubsub : ClientKind::kNormal;
}

std::string DescribeClient(ClientSession& session) {
  const SessionState& state = session.State();
  const runtime::Connection& socket = session.Socket();
  std::uint64_t now_ms = session.Services().loop.NowMs();
  std::size_t unwritten = socket.UnwrittenBytes();
  std::size_t early = session.Replies().EarlyBytes();
  // What asks for this very description counts, as it does in Redis.
  std::size_t input = std::max(state.local_request_bytes, socket.KeptInputBytes());
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} "
      "multi={} qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={} "
      "tot-mem={} events={} cmd={} user={} redir={} resp={} lib-name={} lib-ver={}",
      state.id, session.PeerAddress().ToString(), session.LocalAddress().ToString(),
      socket.FileDescriptor(), state.name, (now_ms - state.connected_at_ms) / 1000,
      (now_ms - state.last_request_at_ms) / 1000, FlagsOf(session), state.database, state.channels,
      state.patterns, state.shard_channels, QueuedBy(session), input,
      unwritten > 0 ? 1 : 0, unwritten + early, sizeof(ClientSession) + session.BufferedBytes(),
      unwritten > 0 ? "rw" : "r", LastCommandOf(state), state.user->Name(), RedirectOf(session),
      static_cast<int>(state.resp),
      state.library_name, state.library_version);
}

}  // namespace slotway::proxy
