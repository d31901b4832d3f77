// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/expire_time.h"

#include "storage/commands/number_text.h"

namespace slotway::storage {

std::optional<std::int64_t> ToUnixMs(std::int64_t value, ExpireUnit unit, std::int64_t now_ms) {
  if (unit.is_seconds && __builtin_mul_overflow(value, std::int64_t{1000}, &value)) {
    return std::nullopt;
  }
  return unit.is_absolute ? value : AddChecked(value, now_ms);
}

}  // namespace slotway::storage
