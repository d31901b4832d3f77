// SPDX-License-Identifier: Apache-2.0
#include "storage/server/start_checks.h"

#include "runtime/file_limit.h"
#include "runtime/log.h"

namespace slotway::storage {

void WarnOfTooFewFiles(std::int64_t maxclients) {
  constexpr std::uint64_t kReserve = 128;
  std::uint64_t wanted = static_cast<std::uint64_t>(maxclients) + kReserve;
  std::uint64_t granted = runtime::RaiseFileLimit(wanted);
  if (granted >= wanted) return;
  runtime::LogWarning("the system allows {} open files: too few for maxclients {}", granted,
                      maxclients);
}

}  // namespace slotway::storage
