// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_slice.h"

#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

namespace slotway::runtime {
namespace {

constexpr std::uint64_t kShortNs = 200'000;

// The kernel's struct sched_attr, first version: sched_setattr(2). libc has no declaration.
struct SchedulingAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns;  // of an ordinary thread: its slice; 0: the usual one
  std::uint64_t deadline_ns;
  std::uint64_t period_ns;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

void SetThreadSlice(ThreadSlice slice) {
  SchedulingAttributes attributes{};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.runtime_ns = slice == ThreadSlice::kShort ? kShortNs : 0;
  // If it is refused, the thread goes on as before.
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace slotway::runtime
