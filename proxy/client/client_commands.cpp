// SPDX-License-Identifier: Apache-2.0
// CLIENT and its subcommands, as far as they concern one connection.
#include <array>
#include <optional>
#include <string>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_description.h"
#include "proxy/client/client_name.h"
#include "proxy/client/client_session.h"
#include "proxy/client/lane_probe.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;

constexpr auto kHelp = std::to_array<std::string_view>({
    "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ACK-REPLICAS (<count>|MAJORITY)",
    "    Holds replies until so many replicas have what they tell of, if all masters know how.",
    "CACHING (YES|NO)",
    "    Says whether the next request's keys are to be tracked.",
    "GETNAME",
    "    Shows the name of this connection.",
    "GETREDIR",
    "    Shows which connection receives the invalidations of this one.",
    "ID",
    "    Shows the number of this connection.",
    "INFO",
    "    Describes this connection.",
    "KILL <ip:port>",
    "    Closes the connection from this address.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Closes the connections for which all options are true:",
    "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
    "      The client's address, the address that it reached.",
    "    * ID <id>, MAXAGE <seconds>, USER <username>",
    "    * TYPE (NORMAL|PUBSUB|REPLICA|MASTER)",
    "    * SKIPME (YES|NO)",
    "      Spares this connection (default: yes).",
    "LIST [TYPE (NORMAL|PUBSUB|REPLICA|MASTER)] [ID <id> [<id> ...]]",
    "    Describes the connections of all workers.",
    "NO-EVICT (ON|OFF)",
    "    Closes others before this one when too much is buffered.",
    "NO-TOUCH (ON|OFF)",
    "    Reads without counting as use of the keys, if all masters know how.",
    "PAUSE <milliseconds> [WRITE|ALL]",
    "    Holds back the requests, or just the writes, of all clients.",
    "REPLY (ON|OFF|SKIP)",
    "    Switches the replies to this connection on or off.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Notes name or version of the client's library.",
    "SETNAME <name>",
    "    Names this connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Switches invalidation messages for cached keys on or off.",
    "TRACKINGINFO",
    "    Shows how this connection's keys are tracked.",
    "UNBLOCK <id> [TIMEOUT|ERROR]",
    "    Wakes a client that waits in a blocking command.",
    "UNPAUSE",
    "    Ends CLIENT PAUSE.",
    "HELP",
    "    Shows this text.",
});

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
    return call.reply.Error("ERR " + std::string(call.args[2]) +
                            " cannot contain spaces, newlines or special characters.");
  }
  (is_name ? state.library_name : state.library_version) = call.args[3];
  call.reply.Ok();
}

void Info(LocalCall& call) { call.reply.Verbatim("txt", DescribeClient(call.session) + "\n"); }

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

// ON or OFF; otherwise answers with an error.
std::optional<bool> ReadSwitch(LocalCall& call) {
  if (EqualsNoCase(call.args[2], "on")) return true;
  if (EqualsNoCase(call.args[2], "off")) return false;
  call.reply.Error(protocol::error_text::kSyntax);
  return std::nullopt;
}

void NoEvict(LocalCall& call) {
  auto is_on = ReadSwitch(call);
  if (!is_on) return;
  call.session.State().is_no_evict = *is_on;
  call.reply.Ok();
}

void NoTouch(LocalCall& call) {
  auto is_on = ReadSwitch(call);
  if (!is_on) return;
  if (*is_on) {
    constexpr std::array<std::string_view, 3> kQuestion = {"CLIENT", "NO-TOUCH", "OFF"};
    return LaneProbe::Start(call, kQuestion, [](SessionState& state) { state.is_no_touch = true; });
  }
  call.session.State().is_no_touch = false;
  call.reply.Ok();
}

// Of our own shards: replies wait until so many replicas have what they tell of.
void AckReplicas(LocalCall& call) {
  constexpr std::int64_t kMax = Lane::kAckMajority - 1;
  std::int64_t wanted = Lane::kAckMajority;
  if (!EqualsNoCase(call.args[2], "majority")) {
    const auto count = protocol::ParseInteger(call.args[2]);
    if (!count || *count < 0 || *count > kMax) {
      return call.reply.Error("ERR The number of replicas must be from 0 to 14, or 'majority'");
    }
    wanted = *count;
  }
  const auto acks = static_cast<std::uint8_t>(wanted);
  if (call.session.OwnTracking() != nullptr && acks != call.session.State().acks) {
    return call.reply.Error("ERR Through the proxy, CLIENT ACK-REPLICAS comes before TRACKING ON");
  }
  if (acks != 0) {
    constexpr std::array<std::string_view, 3> kQuestion = {"CLIENT", "ACK-REPLICAS", "0"};
    return LaneProbe::Start(call, kQuestion, [acks](SessionState& state) { state.acks = acks; });
  }
  call.session.State().acks = 0;
  call.reply.Ok();
}

// Valkey's: what a client can cope with. There is nothing here that it would change: nobody is ever
// redirected.
void Capa(LocalCall& call) { call.reply.Ok(); }

void Help(LocalCall& call) {
  call.reply.Array(kHelp.size());
  for (std::string_view line : kHelp) call.reply.SimpleString(line);
}

constexpr std::array kCommands = {
    LocalCommand{"client|id", Id},
    LocalCommand{"client|getname", GetName},
    LocalCommand{"client|setname", SetName},
    LocalCommand{"client|setinfo", SetInfo},
    LocalCommand{"client|info", Info},
    LocalCommand{"client|reply", Reply},
    LocalCommand{"client|no-evict", NoEvict},
    // Other connections to the shards: nothing may overtake on them.
    LocalCommand{"client|no-touch", NoTouch, true},
    LocalCommand{"client|ack-replicas", AckReplicas, true},
    LocalCommand{"client|help", Help},
    LocalCommand{"client|capa", Capa},
};

}  // namespace

std::span<const LocalCommand> ClientCommands() { return kCommands; }

}  // namespace slotway::proxy
