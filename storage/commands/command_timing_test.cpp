// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"
#include "storage/commands/latency_report.h"

namespace slotway::storage {
namespace {

TEST(LatencyMonitor, KeepsTheWorstOfASecond) {
  LatencyMonitor monitor;
  monitor.Add("command", 100, 30);
  monitor.Add("command", 100, 20);
  monitor.Add("command", 100, 50);
  monitor.Add("command", 101, 10);
  const LatencyMonitor::Series* series = monitor.Of("command");
  ASSERT_NE(series, nullptr);
  ASSERT_EQ(series->samples.size(), 2u);
  EXPECT_EQ(series->samples[0].latency_ms, 50u);
  EXPECT_EQ(series->latency_ms_max, 50u);
  for (std::int64_t second = 200; second < 400; ++second) monitor.Add("command", second, 1);
  EXPECT_EQ(series->samples.size(), LatencyMonitor::kSamplesMax);
  EXPECT_EQ(series->samples.back().time_s, 399);
  EXPECT_EQ(series->latency_ms_max, 50u);
  EXPECT_FALSE(monitor.Forget("fast-command"));
  EXPECT_EQ(monitor.ForgetAll(), 1u);
  EXPECT_EQ(monitor.Of("command"), nullptr);
}

// The bounds of an HDR histogram of two digits, as LATENCY HISTOGRAM of Redis shows them.
TEST(LatencyHistogram, Buckets) {
  LatencyHistogram histogram;
  const std::uint64_t bounds_us[] = {1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056};
  for (std::size_t i = 0; i < std::size(bounds_us); ++i) {
    EXPECT_EQ(LatencyHistogram::UpperNs(i) / 1000, bounds_us[i]);
  }
  EXPECT_EQ(histogram.PercentileNs(50), 0u);
  histogram.Add(500, 1);
  histogram.Add(1'023, 1);
  histogram.Add(1'024, 1);
  histogram.Add(std::uint64_t{1} << 60, 1);
  EXPECT_EQ(histogram.CountOf(0), 2u);
  EXPECT_EQ(histogram.CountOf(1), 1u);
  EXPECT_EQ(histogram.CountOf(LatencyHistogram::kBuckets - 1), 1u);
  EXPECT_EQ(histogram.Total(), 4u);
  EXPECT_EQ(histogram.PercentileNs(50), LatencyHistogram::UpperNs(0));
  EXPECT_EQ(histogram.PercentileNs(75), LatencyHistogram::UpperNs(1));
  EXPECT_EQ(histogram.PercentileNs(100), LatencyHistogram::UpperNs(LatencyHistogram::kBuckets - 1));
}

TEST(LatencyReport, GraphAndAdvice) {
  LatencyMonitor monitor;
  EXPECT_TRUE(LatencyAdvice(monitor, 0, 0).starts_with("Latency is not monitored"));
  EXPECT_EQ(LatencyAdvice(monitor, 100, 0),
            "Nothing has held this server up for 100 ms or longer.\n");
  monitor.Add("command", 1000, 100);
  monitor.Add("command", 1030, 300);
  monitor.Add("command", 1060, 500);
  EXPECT_EQ(LatencyGraph("command", *monitor.Of("command"), 1090),
            "command - high 500 ms, low 100 ms (all time high 500 ms)\n" + std::string(80, '-') +
                "\n  #\n  |\n #|\n ||\n#||\n\n113\nmm0\n  s\n");
  EXPECT_NE(LatencyAdvice(monitor, 100, 1090)
                .find("command: 3 times, on average 300 ms (give or take 133 ms), at most 500 ms, "
                      "every 30.0 seconds."),
            std::string::npos);
}

TEST(LatencyCommands, Replies) {
  CommandRunner runner;
  runner.State().latency.Add("command", 1700000000, 250);
  const auto* get = protocol::FindCommand("get");
  runner.State().stats.commands[protocol::IdOf(*get)].latency.Add(500, 2);
  runner.State().stats.commands[protocol::IdOf(*get)].latency.Add(40'000, 1);
  EXPECT_EQ(
      Play(
          runner,
          {
              {{"latency", "latest"},
               "*1\r\n*4\r\n$7\r\ncommand\r\n:1700000000\r\n:250\r\n:250\r\n"},
              {{"latency", "history", "command"}, "*1\r\n*2\r\n:1700000000\r\n:250\r\n"},
              {{"latency", "history", "x"}, "*0\r\n"},
              {{"latency", "graph", "x"}, "-ERR No samples available for event 'x'\r\n"},
              {{"latency", "histogram", "x", "get"},
               "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n*4\r\n:1\r\n"
               ":2\r\n:66\r\n:3\r\n"},
              {{"latency", "histogram", "set"}, "*0\r\n"},
              {{"latency", "reset", "x"}, ":0\r\n"},
              {{"latency", "reset"}, ":1\r\n"},
              {{"latency", "latest"}, "*0\r\n"},
          }),
      "");
}

TEST(CommandTiming, WhatIsTimed) {
  config::ShardConfig config;
  CommandTiming timing;
  timing.Apply(config);
  timing.BeginBatch(1);
  EXPECT_EQ(timing.WeightOfFast(), 1u);
  timing.BeginBatch(32);
  std::uint32_t timed = 0;
  for (int i = 0; i < 128; ++i) timed += timing.WeightOfFast();
  EXPECT_EQ(timed, 128u) << "two of them, for sixty-four each";
  config.slowlog_log_slower_than_us = 0;
  timing.Apply(config);
  EXPECT_EQ(timing.WeightOfFast(), 1u);
}

TEST(CommandTiming, SlowOnesAreLogged) {
  CommandRunner runner;
  ServerState& server = runner.State();
  const std::vector<std::string_view> args{"config", "set", "requirepass", "p"};
  const protocol::CommandSpec& spec = *protocol::FindCommand(args);
  CommandStats& stats = server.stats.commands[protocol::IdOf(spec)];
  runtime::ByteQueue output;
  CommandContext ctx(server, runner.Client(), spec, args, output);
  server.timing.Ran(ctx, stats, 9'999'000, 1);
  EXPECT_TRUE(server.slow_log.Commands().empty());
  server.timing.Ran(ctx, stats, 10'000'000, 1);
  ASSERT_EQ(server.slow_log.Commands().size(), 1u);
  const SlowCommand& slow = server.slow_log.Commands().front();
  EXPECT_EQ(slow.duration_us, 10'000u);
  EXPECT_EQ(slow.time_s, 1'700'000'000);
  EXPECT_EQ(slow.args, (std::vector<std::string>{"config", "set", "requirepass", "(redacted)"}));
  EXPECT_EQ(slow.client_address, runner.Client().address);
  EXPECT_EQ(stats.latency.Total(), 2u);
  EXPECT_TRUE(server.latency.Events().empty()) << "the monitor is off";
}

// CONFIG RESETSTAT is itself counted behind its reset.
TEST(ServerStats, ResetMovesNothing) {
  ServerStats stats;
  stats.commands.resize(3);
  CommandStats& second = stats.commands[1];
  second.calls = 5;
  second.latency.Add(1, 1);
  stats.evicted_keys = 1;
  stats.Reset();
  ASSERT_EQ(stats.commands.size(), 3u);
  EXPECT_EQ(&second, &stats.commands[1]);
  EXPECT_EQ(second.calls, 0u);
  EXPECT_EQ(second.latency.Total(), 0u);
  EXPECT_EQ(stats.evicted_keys, 0u);
}

}  // namespace
}  // namespace slotway::storage
