// SPDX-License-Identifier: Apache-2.0
// A program run as a child: its output line by line, its end, and its stopping.
//
// Belongs to its loop's thread. With `dies_with_parent` the kernel sends the child SIGKILL when
// the thread that started it ends, however it ends (PR_SET_PDEATHSIG): start children from a
// thread that lives as long as the process. libuv's own spawn cannot ask for that, so this one
// forks. Destroying a running child kills it at once; nothing is called after that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/result.h"

namespace slotway::runtime {

enum class ChildStream : std::uint8_t { kOutput, kError };

struct ChildExit {
  int code = 0;    // when it ended by itself
  int signal = 0;  // when a signal ended it, else 0
};

class ChildProcess {
 public:
  // Without the newline; what is longer than 64 KB comes in pieces. The view ends with the call.
  using OnLine = std::function<void(ChildStream, std::string_view line)>;
  // After its last line. May destroy the ChildProcess.
  using OnExit = std::function<void(ChildExit)>;

  struct Options {
    std::vector<std::string> arguments;    // [0] is the program, looked up in PATH
    std::vector<std::string> environment;  // "NAME=value", added to this process's own
    std::string directory;                 // to run in; empty: this process's own
    bool dies_with_parent = true;
    // A process group of its own: Ctrl-C in a terminal then reaches the parent only.
    bool has_own_group = true;
  };

  // Fails when the program cannot be run.
  static Result<std::unique_ptr<ChildProcess>> Start(EventLoop& loop, const Options& options,
                                                     OnLine on_line, OnExit on_exit);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int Pid() const;
  bool IsRunning() const;
  void Signal(int signal);
  // SIGTERM, and SIGKILL if it still runs after the grace time.
  void Stop(std::uint64_t grace_ms);

 private:
  struct State;
  explicit ChildProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slotway::runtime
