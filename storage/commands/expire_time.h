// SPDX-License-Identifier: Apache-2.0
// Times to live as commands give them: seconds or milliseconds, from now or since 1970.
#pragma once

#include <cstdint>
#include <optional>

namespace slotway::storage {

struct ExpireUnit {
  bool is_seconds = true;
  bool is_absolute = false;
};

// Unix time in ms; nothing if it does not fit. Negative and zero times are kept as they are.
std::optional<std::int64_t> ToUnixMs(std::int64_t value, ExpireUnit unit, std::int64_t now_ms);

}  // namespace slotway::storage
