// SPDX-License-Identifier: Apache-2.0
// CLIENT and its subcommands, as far as they concern one connection.
#include <array>
#include <fmt/format.h>
#include <string>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_name.h"
#include "proxy/client/client_session.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;

void Id(LocalCall& call) { call.reply.Integer(static_cast<std::int64_t>(call.session.State().id)); }

void GetName(LocalCall& call) {
  const std::string& name = call.session.State().name;
  if (name.empty()) return call.reply.Null();
  call.reply.Bulk(name);
}

void SetName(LocalCall& call) {
  if (!IsValidClientName(call.args[2])) return call.reply.Error(kInvalidClientName);
  call.session.State().name = call.args[2];
  call.reply.Ok();
}

void SetInfo(LocalCall& call) {
  SessionState& state = call.session.State();
  bool is_name = EqualsNoCase(call.args[2], "lib-name");
  if (!is_name && !EqualsNoCase(call.args[2], "lib-ver")) {
    return call.reply.Error("ERR Unrecognized option '" + std::string(call.args[2]) + "'");
  }
  if (!IsValidClientName(call.args[3])) {
    return call.reply.Error(std::string("ERR ") + (is_name ? "lib-name" : "lib-ver") +
                            " cannot contain spaces, newlines or special characters.");
  }
  (is_name ? state.library_name : state.library_version) = call.args[3];
  call.reply.Ok();
}

std::string DescribeClient(ClientSession& session) {
  const SessionState& state = session.State();
  const runtime::Connection& socket = session.Socket();
  std::string flags = session.LocalAddress().IsUnix() ? "U" : "";
  if (state.is_no_evict) flags += "e";
  if (flags.empty()) flags = "N";
  std::uint64_t now_ms = session.Services().loop.NowMs();
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 "
      "multi=-1 qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem={} "
      "tot-mem=0 events=r cmd=client|info user=default redir=-1 resp={} lib-name={} lib-ver={}\n",
      state.id, session.PeerAddress().ToString(), session.LocalAddress().ToString(),
      socket.FileDescriptor(), state.name, (now_ms - state.connected_at_ms) / 1000,
      (now_ms - state.last_request_at_ms) / 1000, flags, state.database,
      socket.KeptInputBytes(), socket.UnwrittenBytes(), static_cast<int>(state.resp),
      state.library_name, state.library_version);
}

void Info(LocalCall& call) { call.reply.Verbatim("txt", DescribeClient(call.session)); }

void Reply(LocalCall& call) {
  SessionState& state = call.session.State();
  if (EqualsNoCase(call.args[2], "on")) {
    state.reply_mode = ReplyMode::kOn;
    call.reply.Ok();
  } else if (EqualsNoCase(call.args[2], "off")) {
    state.reply_mode = ReplyMode::kOff;
  } else if (EqualsNoCase(call.args[2], "skip")) {
    if (state.reply_mode == ReplyMode::kOn) state.reply_mode = ReplyMode::kSkipNext;
  } else {
    call.reply.Error(protocol::error_text::kSyntax);
  }
}

void SetSwitch(LocalCall& call, bool SessionState::*which) {
  bool is_on = EqualsNoCase(call.args[2], "on");
  if (!is_on && !EqualsNoCase(call.args[2], "off")) {
    return call.reply.Error(protocol::error_text::kSyntax);
  }
  call.session.State().*which = is_on;
  call.reply.Ok();
}

void NoEvict(LocalCall& call) { SetSwitch(call, &SessionState::is_no_evict); }

constexpr std::array kCommands = {
    LocalCommand{"client|id", Id},           LocalCommand{"client|getname", GetName},
    LocalCommand{"client|setname", SetName}, LocalCommand{"client|setinfo", SetInfo},
    LocalCommand{"client|info", Info},
    LocalCommand{"client|reply", Reply},     LocalCommand{"client|no-evict", NoEvict},
};

}  // namespace

std::span<const LocalCommand> ClientCommands() { return kCommands; }

}  // namespace slotway::proxy
