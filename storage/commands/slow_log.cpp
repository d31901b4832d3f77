// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/slow_log.h"

#include <utility>

namespace slotway::storage {

void SlowLog::Add(SlowCommand command, std::size_t entries_max) {
  command.id = next_id_++;
  commands_.push_front(std::move(command));
  DropBeyond(entries_max);
}

void SlowLog::DropBeyond(std::size_t entries_max) {
  if (commands_.size() > entries_max)
    commands_.erase(commands_.begin() + static_cast<std::ptrdiff_t>(entries_max), commands_.end());
}

}  // namespace slotway::storage
