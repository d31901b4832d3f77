// SPDX-License-Identifier: Apache-2.0
#include "runtime/short_sleep.h"

#include <ctime>
#include <sys/prctl.h>

namespace slotway::runtime {

void ShortSleep(std::uint32_t us) {
  constexpr unsigned long kSlackNs = 1000;
  thread_local const int has_slack = prctl(PR_SET_TIMERSLACK, kSlackNs, 0, 0, 0);
  (void)has_slack;
  const timespec time{us / 1'000'000, static_cast<long>(us % 1'000'000) * 1000};
  nanosleep(&time, nullptr);
}

}  // namespace slotway::runtime
