// SPDX-License-Identifier: Apache-2.0
// Signals as events of a loop. Belongs to its loop's thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include "runtime/event_loop.h"

namespace slotway::runtime {

// A write to a closed socket is an error code, not a signal. Once, at the start of a program.
void IgnoreBrokenPipes();

class SignalWatcher {
 public:
  SignalWatcher(EventLoop& loop, std::initializer_list<int> signals,
                std::function<void(int)> on_signal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct Handle;
  std::vector<Handle*> handles_;  // freed in their close callbacks
};

}  // namespace slotway::runtime
