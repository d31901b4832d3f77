// SPDX-License-Identifier: Apache-2.0
// How many distinct elements a HyperLogLog has seen, from how often each register value occurs.
//
// The estimator is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
// arXiv:1702.01284), which needs no correction for small or large counts. Arithmetic is done in
// Redis's order, so that counts agree exactly. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/types/hyperloglog.h"

namespace slotway::storage {

// How many registers have each value.
using HllHistogram = std::array<std::uint32_t, 64>;

HllHistogram HistogramOf(const HllRegisters& registers);
// Of a value; nothing if it is broken. REQUIRES: IsHll().
std::optional<HllHistogram> HistogramOf(std::string_view value);

// 2^63 stands for what is beyond it: registers that no elements could have made.
std::uint64_t EstimateCount(const HllHistogram& histogram);

}  // namespace slotway::storage
