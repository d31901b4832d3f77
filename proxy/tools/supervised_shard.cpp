// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/supervised_shard.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

namespace slotway::proxy {
namespace {

std::string Describe(runtime::ChildExit exit) {
  if (exit.signal == 0) return "ended with exit code " + std::to_string(exit.code);
  return "was ended by signal " + std::to_string(exit.signal) + " (" + strsignal(exit.signal) + ")";
}

}  // namespace

std::uint64_t RestartBackoff::Next(std::uint64_t served_ms) {
  if (served_ms >= kSteadyMs) next_ms_ = kFirstMs;
  return std::exchange(next_ms_, std::min(2 * next_ms_, kMaxMs));
}

SupervisedShard::SupervisedShard(runtime::EventLoop& loop, Spec spec, Events events)
    : loop_(loop), spec_(std::move(spec)), events_(std::move(events)), timer_(loop) {}

runtime::Result<void> SupervisedShard::Start() {
  if (!log_.is_open()) log_.open(spec_.folder / "shard.log", std::ios::app);
  runtime::ChildProcess::Options options;
  options.arguments = {spec_.program.string(), (spec_.folder / "shard.conf").string()};
  options.directory = spec_.folder.string();
  auto process = runtime::ChildProcess::Start(
      loop_, options, [this](runtime::ChildStream, std::string_view line) { TakeLine(line); },
      [this](runtime::ChildExit exit) { TakeExit(exit); });
  if (!process) return tl::unexpected(process.error());
  process_ = std::move(*process);
  Probe();
  return {};
}

void SupervisedShard::TakeLine(std::string_view line) {
  log_ << line << '\n' << std::flush;
  last_lines_.emplace_back(line);
  if (last_lines_.size() > kLastLinesMax) last_lines_.pop_front();
}

void SupervisedShard::Probe() {
  probe_ = std::make_unique<ReadinessProbe>(
      loop_, spec_.port, spec_.password, [this](const std::string& problem) {
        last_problem_ = problem;
        if (!problem.empty()) {
          timer_.Start(kProbeIntervalMs, 0, [this] { Probe(); });
          return;
        }
        probe_.reset();
        is_ready_ = true;
        ready_since_ms_ = loop_.NowMs();
        events_.on_ready();
      });
}

void SupervisedShard::TakeExit(runtime::ChildExit exit) {
  std::uint64_t served_ms = is_ready_ ? loop_.NowMs() - ready_since_ms_ : 0;
  is_ready_ = false;
  timer_.Stop();
  probe_.reset();
  process_.reset();
  if (is_stopping_) {
    if (auto tell = std::exchange(on_stopped_, nullptr)) tell();
    return;
  }
  RestartLater(Describe(exit), served_ms);
}

void SupervisedShard::RestartLater(const std::string& why, std::uint64_t served_ms) {
  std::uint64_t wait_ms = backoff_.Next(served_ms);
  timer_.Start(wait_ms, 0, [this] {
    runtime::Result<void> started = Start();
    if (!started) RestartLater(started.error().text, 0);
  });
  events_.on_died(why, wait_ms);
}

void SupervisedShard::Stop(std::uint64_t grace_ms, std::function<void()> on_stopped) {
  is_stopping_ = true;
  timer_.Stop();
  probe_.reset();
  if (!process_) {
    on_stopped();
    return;
  }
  on_stopped_ = std::move(on_stopped);
  process_->Stop(grace_ms);
}

void SupervisedShard::Kill() {
  if (process_) process_->Signal(SIGKILL);
}

}  // namespace slotway::proxy
