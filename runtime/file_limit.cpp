// SPDX-License-Identifier: Apache-2.0
#include "runtime/file_limit.h"

#include <algorithm>
#include <sys/resource.h>

namespace slotway::runtime {

std::uint64_t RaiseFileLimit(std::uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised{static_cast<rlim_t>(wanted), std::max<rlim_t>(limit.rlim_max, wanted)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  // Beyond the hard limit only root may go.
  raised = {limit.rlim_max, limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace slotway::runtime
