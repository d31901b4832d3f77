// SPDX-License-Identifier: Apache-2.0
// Slotway's own commands: SLOTWAY SLOWLOG, HOTKEYS, BIGKEYS, LATENCY, RESET.
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/meters/seen.h"
#include "proxy/operations/slow_requests_reply.h"

namespace slotway::proxy {
namespace {

constexpr std::size_t kCountByDefault = 10;

constexpr auto kHelp = std::to_array<std::string_view>({
    "SLOTWAY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "BIGKEYS [<count>]",
    "    The keys of the largest requests and replies of the last hour.",
    "HOTKEYS [<count>]",
    "    The keys that are asked for most, by samples of the last minutes; see hot_keys.sample.",
    "LATENCY",
    "    How long requests take, by family of commands and by node.",
    "RESET",
    "    Forget slow requests, hot keys and big keys.",
    "SLOWLOG [<count>]",
    "    The newest slow requests, -1 for all: who asked, which node answered, and how many",
    "    microseconds went by in the proxy, in the network and the shard's queue, in the shard.",
    "HELP",
    "    Print this help.",
});

void Help(LocalCall& call) {
  call.reply.Array(kHelp.size());
  for (std::string_view line : kHelp) call.reply.SimpleString(line);
}

// [count]: 10 by default, -1 for all. Nothing if that is an error, which is the reply then.
std::optional<std::size_t> CountOf(LocalCall& call) {
  if (call.args.size() == 2) return kCountByDefault;
  if (call.args.size() > 3) {
    call.reply.Error(protocol::error_text::WrongArity(call.spec.name));
    return std::nullopt;
  }
  auto count = protocol::ParseInteger(call.args[2]);
  if (!count || *count < -1) {
    call.reply.Error("ERR count should be greater than or equal to -1");
    return std::nullopt;
  }
  if (*count == -1) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(*count);
}

void SlowLog(LocalCall& call) {
  auto count = CountOf(call);
  if (!count) return;
  ClientSession& session = call.session;
  const WorkerServices& services = session.Services();
  Request request{call.args, {}, &call.spec, protocol::IdOf(call.spec)};
  ReplySlowRequests({services.dispatcher, services.settings, request, session.Replies(),
                     session.OpenPlace(), session.OwnLane().WithReadonly(false)},
                    NewestSlowRequests(services.meters, *count));
}

void HotKeysCommand(LocalCall& call) {
  auto count = CountOf(call);
  if (!count) return;
  const WorkerServices& services = call.session.Services();
  if (services.settings.hot_keys.sample == 0) {
    return call.reply.Error("ERR hot keys are not looked for: hot_keys.sample is 0");
  }
  const std::vector<HotKeyShare> hottest = HottestKeys(services.meters, *count);
  call.reply.Array(hottest.size());
  for (const HotKeyShare& key : hottest) {
    call.reply.Map(4);
    call.reply.Bulk("key");
    call.reply.Bulk(key.key);
    call.reply.Bulk("share");
    call.reply.Double(key.share);
    call.reply.Bulk("share_error");
    call.reply.Double(key.error);
    call.reply.Bulk("requests_per_second");
    call.reply.Double(key.requests_per_second);
  }
}

void BigKeysCommand(LocalCall& call) {
  auto count = CountOf(call);
  if (!count) return;
  const std::vector<BigKey> biggest = BiggestKeys(call.session.Services().meters, *count);
  call.reply.Array(biggest.size());
  for (const BigKey& key : biggest) {
    call.reply.Map(4);
    call.reply.Bulk("key");
    call.reply.Bulk(key.key);
    call.reply.Bulk("bytes");
    call.reply.Integer(static_cast<std::int64_t>(key.bytes));
    call.reply.Bulk("command");
    call.reply.Bulk(key.command);
    call.reply.Bulk("time");
    call.reply.Integer(key.time_s);
  }
}

void WriteLatencies(LocalWriter& reply, std::string_view of_what,
                    const std::map<std::string, runtime::HistogramSum>& latencies) {
  constexpr std::pair<std::string_view, double> kQuantiles[] = {
      {"p50_us", 0.5}, {"p99_us", 0.99}, {"p99.9_us", 0.999}};
  for (const auto& [name, values] : latencies) {
    reply.Map(3 + std::size(kQuantiles));
    reply.Bulk(of_what);
    reply.Bulk(name);
    reply.Bulk("answers");
    reply.Integer(static_cast<std::int64_t>(values.Count()));
    reply.Bulk("mean_us");
    reply.Integer(static_cast<std::int64_t>(values.Count() == 0 ? 0 : values.Sum() / values.Count()));
    for (const auto& [quantile, part] : kQuantiles) {
      reply.Bulk(quantile);
      reply.Integer(static_cast<std::int64_t>(values.Quantile(part)));
    }
  }
}

void Latency(LocalCall& call) {
  const WorkerMeters& meters = call.session.Services().meters;
  const auto families = LatenciesOfFamilies(meters);
  const auto nodes = LatenciesOfNodes(meters);
  call.reply.Array(families.size() + nodes.size());
  WriteLatencies(call.reply, "family", families);
  WriteLatencies(call.reply, "node", nodes);
}

void Reset(LocalCall& call) {
  ForgetSlowRequests(call.session.Services().meters);
  ForgetKeys(call.session.Services().meters);
  call.reply.Ok();
}

constexpr std::array kCommands = {
    LocalCommand{"slotway|bigkeys", BigKeysCommand}, LocalCommand{"slotway|help", Help},
    LocalCommand{"slotway|hotkeys", HotKeysCommand}, LocalCommand{"slotway|latency", Latency},
    LocalCommand{"slotway|reset", Reset},            LocalCommand{"slotway|slowlog", SlowLog},
};

}  // namespace

std::span<const LocalCommand> SlotwayCommands() { return kCommands; }

}  // namespace slotway::proxy
