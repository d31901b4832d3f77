// SPDX-License-Identifier: Apache-2.0
#include "runtime/signals.h"

#include <csignal>
#include <utility>

namespace slotway::runtime {

struct SignalWatcher::Handle {
  uv_signal_t signal;
  std::function<void(int)> on_signal;
};

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

SignalWatcher::SignalWatcher(EventLoop& loop, std::initializer_list<int> signals,
                             std::function<void(int)> on_signal) {
  for (int number : signals) {
    auto* handle = new Handle{{}, on_signal};
    uv_signal_init(loop.Uv(), &handle->signal);
    handle->signal.data = handle;
    uv_signal_start(
        &handle->signal,
        [](uv_signal_t* signal, int which) {
          static_cast<Handle*>(signal->data)->on_signal(which);
        },
        number);
    handles_.push_back(handle);
  }
}

SignalWatcher::~SignalWatcher() {
  for (Handle* handle : handles_) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->signal),
             [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
  }
}

}  // namespace slotway::runtime
