// SPDX-License-Identifier: Apache-2.0
// One shard process that is kept running: started, probed until it serves, restarted when it dies.
//
// Restarts wait 100 ms, twice as long each time up to 5 s, and from the start again once it has
// served for 10 s. Its output goes to shard.log in its folder. Belongs to its loop's thread, which
// must be the process's main thread: the child dies with it.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "proxy/tools/readiness_probe.h"
#include "runtime/child_process.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"

namespace slotway::proxy {

// How long to wait before each restart.
class RestartBackoff {
 public:
  static constexpr std::uint64_t kFirstMs = 100;
  static constexpr std::uint64_t kMaxMs = 5000;
  static constexpr std::uint64_t kSteadyMs = 10000;

  std::uint64_t Next(std::uint64_t served_ms);

 private:
  std::uint64_t next_ms_ = kFirstMs;
};

class SupervisedShard {
 public:
  struct Spec {
    std::filesystem::path program;
    std::filesystem::path folder;  // holds shard.conf
    std::uint16_t port = 0;
    std::string password;
  };
  struct Events {
    std::function<void()> on_ready;
    // `restart_ms` is when it will be started again.
    std::function<void(const std::string& why, std::uint64_t restart_ms)> on_died;
  };

  SupervisedShard(runtime::EventLoop& loop, Spec spec, Events events);

  runtime::Result<void> Start();
  // SIGTERM, SIGKILL after the grace time; no restart. `on_stopped` is called later, or at once if
  // nothing runs.
  void Stop(std::uint64_t grace_ms, std::function<void()> on_stopped);
  void Kill();

  bool IsReady() const { return is_ready_; }
  int Pid() const { return process_ ? process_->Pid() : 0; }
  std::uint16_t Port() const { return spec_.port; }
  // Why it does not serve yet, as the last probe saw it.
  const std::string& LastProblem() const { return last_problem_; }
  const std::deque<std::string>& LastLines() const { return last_lines_; }

 private:
  static constexpr std::size_t kLastLinesMax = 10;
  static constexpr std::uint64_t kProbeIntervalMs = 25;

  void TakeLine(std::string_view line);
  void TakeExit(runtime::ChildExit exit);
  void RestartLater(const std::string& why, std::uint64_t served_ms);
  void Probe();

  runtime::EventLoop& loop_;
  Spec spec_;
  Events events_;
  runtime::Timer timer_;  // until the next probe or restart
  RestartBackoff backoff_;
  std::ofstream log_;
  std::deque<std::string> last_lines_;
  std::string last_problem_;
  std::function<void()> on_stopped_;
  std::unique_ptr<ReadinessProbe> probe_;
  std::unique_ptr<runtime::ChildProcess> process_;
  std::uint64_t ready_since_ms_ = 0;
  bool is_ready_ = false;
  bool is_stopping_ = false;
};

}  // namespace slotway::proxy
