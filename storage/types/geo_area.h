// SPDX-License-Identifier: Apache-2.0
// An area on the earth to look for members in: a circle or a box around a point.
//
// It is covered by nine cells of the grid, the one around the point and its neighbours, of a step
// at which they are sure to suffice; each cell is a range of scores. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "storage/types/geohash.h"
#include "storage/types/sorted_set_order.h"

namespace slotway::storage {

struct GeoArea {
  enum class Shape : std::uint8_t { kCircle, kBox };

  GeoPoint center{};
  Shape shape = Shape::kCircle;
  // In the unit of the request.
  double radius = 0;
  double width = 0;
  double height = 0;
  double metres_per_unit = 1;

  // Metres from the center; nothing if the point is outside.
  std::optional<double> DistanceIfInside(const GeoPoint& point) const;
};

// The cells to look at, in the order in which Redis looks at them.
struct GeoCover {
  static constexpr std::size_t kCellsMax = 9;

  std::array<GeoCell, kCellsMax> cells;
  std::size_t count = 0;
};
GeoCover CoverOf(const GeoArea& area);

// The scores of the members in a cell.
ScoreRange ScoresOf(const GeoCell& cell);

}  // namespace slotway::storage
