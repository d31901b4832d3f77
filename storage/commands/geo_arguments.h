// SPDX-License-Identifier: Apache-2.0
// Places, distances and units as geo commands take and answer them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/types/geohash.h"

namespace slotway::storage {

inline constexpr std::string_view kUnknownUnit =
    "ERR unsupported unit provided. please use M, KM, FT, MI";

// Metres of M, KM, FT, MI; nothing if it is none of them.
std::optional<double> MetresPerUnit(std::string_view unit);

// The longitude in args[index] and the latitude behind it; answers an error and returns false if
// they are no place on the grid.
bool ReadPoint(CommandContext& ctx, std::size_t index, GeoPoint& point);

void ReplyPoint(CommandContext& ctx, const GeoPoint& point);
// With four digits behind the point.
void ReplyDistance(CommandContext& ctx, double distance);

}  // namespace slotway::storage
