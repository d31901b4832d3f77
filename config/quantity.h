// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them in settings: integers, sizes and durations.
//
// Pure functions; the whole text must be the number. Nothing when it is not.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slotway::config {

// Canonical decimal, as Redis reads integers: no spaces, no '+', no leading zeros.
std::optional<int64_t> ParseInteger(std::string_view text);

// "512mb" -> bytes, as Redis reads sizes: k, m and g are powers of 1000, kb, mb and gb of 1024,
// letters in any case, no suffix or b: bytes; "" is 0. Kubernetes' Ki, Mi and Gi are known too.
// What does not fit becomes the largest number.
std::optional<uint64_t> ParseSize(std::string_view text);

// "30s" -> microseconds; us, ms, s, m, h, d. Without a suffix the number counts
// `default_unit_us`. Whole numbers only.
std::optional<uint64_t> ParseDurationUs(std::string_view text, uint64_t default_unit_us);

}  // namespace slotway::config
