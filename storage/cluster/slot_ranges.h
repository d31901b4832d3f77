// SPDX-License-Identifier: Apache-2.0
// Ranges of slots as commands name them and replies show them. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

using SlotRanges = std::vector<SlotRange>;

// Of "0", "9", "20", "29". Nothing if they are no pairs of slots, each ascending.
std::optional<SlotRanges> ParseRanges(std::span<const std::string_view> bounds);
// "0-9 20-29".
std::string FormatRanges(const SlotRanges& ranges);
// As a command names them: "0", "9", "20", "29".
std::vector<std::string> BoundsOf(const SlotRanges& ranges);
SlotBitmap BitmapOf(const SlotRanges& ranges);
// Ascending, joined where they meet.
SlotRanges RangesOf(const SlotBitmap& slots);

}  // namespace slotway::storage::cluster
