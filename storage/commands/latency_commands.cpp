// SPDX-License-Identifier: Apache-2.0
// What held the engine up, and how long commands take: LATENCY.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/latency_report.h"

namespace slotway::storage {
namespace {

void LatencyLatestCommand(CommandContext& ctx) {
  const auto& events = ctx.server.latency.Events();
  ctx.reply.Array(events.size());
  for (const auto& [name, series] : events) {
    ctx.reply.Array(4);
    ctx.reply.Bulk(name);
    ctx.reply.Integer(series.samples.back().time_s);
    ctx.reply.Integer(static_cast<std::int64_t>(series.samples.back().latency_ms));
    ctx.reply.Integer(static_cast<std::int64_t>(series.latency_ms_max));
  }
}

void LatencyHistoryCommand(CommandContext& ctx) {
  const LatencyMonitor::Series* series = ctx.server.latency.Of(ctx.args[2]);
  ctx.reply.Array(series != nullptr ? series->samples.size() : 0);
  if (series == nullptr) return;
  for (const LatencyMonitor::Sample& sample : series->samples) {
    ctx.reply.Array(2);
    ctx.reply.Integer(sample.time_s);
    ctx.reply.Integer(static_cast<std::int64_t>(sample.latency_ms));
  }
}

void LatencyResetCommand(CommandContext& ctx) {
  std::size_t count = 0;
  if (ctx.args.size() == 2) {
    count = ctx.server.latency.ForgetAll();
  } else {
    for (const std::string_view event : ctx.args.subspan(2)) {
      count += ctx.server.latency.Forget(event) ? 1 : 0;
    }
  }
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void LatencyGraphCommand(CommandContext& ctx) {
  const LatencyMonitor::Series* series = ctx.server.latency.Of(ctx.args[2]);
  if (series == nullptr) {
    ctx.Error("ERR No samples available for event '" + std::string(ctx.args[2]) + "'");
    return;
  }
  ctx.reply.Verbatim("txt", LatencyGraph(ctx.args[2], *series, ctx.server.now_ms / 1000));
}

void LatencyDoctorCommand(CommandContext& ctx) {
  ctx.reply.Verbatim(
      "txt", LatencyAdvice(ctx.server.latency, ctx.server.Config().latency_monitor_threshold_ms,
                           ctx.server.now_ms / 1000));
}

void ReplyHistogram(CommandContext& ctx, const LatencyHistogram& histogram) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < LatencyHistogram::kBuckets; ++i) {
    used += histogram.CountOf(i) > 0 ? 1 : 0;
  }
  ctx.reply.Map(2);
  ctx.reply.Bulk("calls");
  ctx.reply.Integer(static_cast<std::int64_t>(histogram.Total()));
  ctx.reply.Bulk("histogram_usec");
  ctx.reply.Map(used);
  std::uint64_t reached = 0;
  for (std::size_t i = 0; i < LatencyHistogram::kBuckets; ++i) {
    if (histogram.CountOf(i) == 0) continue;
    reached += histogram.CountOf(i);
    ctx.reply.Integer(static_cast<std::int64_t>(LatencyHistogram::UpperNs(i) / 1000));
    ctx.reply.Integer(static_cast<std::int64_t>(reached));
  }
}

// The rows that a name stands for: a command's own, and those of its subcommands.
void AddRowsOf(const protocol::CommandSpec& spec, std::vector<const protocol::CommandSpec*>& rows) {
  rows.push_back(&spec);
  for (const protocol::CommandSpec& subcommand : spec.subcommands) rows.push_back(&subcommand);
}

// LATENCY HISTOGRAM [command ...]: of those that were called; names that are none are skipped.
void LatencyHistogramCommand(CommandContext& ctx) {
  std::vector<const protocol::CommandSpec*> rows;
  if (ctx.args.size() == 2) {
    for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
      rows.push_back(&protocol::CommandById(static_cast<protocol::CommandId>(id)));
    }
  } else {
    for (const std::string_view name : ctx.args.subspan(2)) {
      if (const auto* spec = protocol::FindCommandByFullName(name)) AddRowsOf(*spec, rows);
    }
  }
  const auto& commands = ctx.server.stats.commands;
  std::erase_if(rows, [&](const protocol::CommandSpec* spec) {
    return commands[protocol::IdOf(*spec)].latency.Total() == 0;
  });
  ctx.reply.Map(rows.size());
  for (const protocol::CommandSpec* spec : rows) {
    ctx.reply.Bulk(spec->name);
    ReplyHistogram(ctx, commands[protocol::IdOf(*spec)].latency);
  }
}

void LatencyHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    What was slow, in words.",
      "GRAPH <event>",
      "    The samples of an event, drawn.",
      "HISTOGRAM [<command> ...]",
      "    How many calls of the commands took up to how many microseconds.",
      "HISTORY <event>",
      "    The samples of an event: when and how many milliseconds.",
      "LATEST",
      "    Of each event: when it was last, how long it took then, and how long at most.",
      "RESET [<event> ...]",
      "    Forget these events, or all.",
  };
  ReplyHelp(ctx, "LATENCY", kLines);
}

}  // namespace

std::span<const HandlerRow> LatencyHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"latency|doctor", &LatencyDoctorCommand},   {"latency|graph", &LatencyGraphCommand},
      {"latency|help", &LatencyHelpCommand},       {"latency|histogram", &LatencyHistogramCommand},
      {"latency|history", &LatencyHistoryCommand}, {"latency|latest", &LatencyLatestCommand},
      {"latency|reset", &LatencyResetCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
