// SPDX-License-Identifier: Apache-2.0
#include "storage/types/geo_area.h"

#include <algorithm>
#include <cmath>

namespace slotway::storage {
namespace {

// Half the length of the equator on web maps.
constexpr double kMercatorMax = 20037726.37;

double HalfHeight(const GeoArea& area) {
  return area.metres_per_unit *
         (area.shape == GeoArea::Shape::kCircle ? area.radius : area.height / 2);
}

double HalfWidth(const GeoArea& area) {
  return area.metres_per_unit *
         (area.shape == GeoArea::Shape::kCircle ? area.radius : area.width / 2);
}

// From the center to the point farthest from it.
double Reach(const GeoArea& area) {
  if (area.shape == GeoArea::Shape::kCircle) return area.radius * area.metres_per_unit;
  const double x = area.width / 2;
  const double y = area.height / 2;
  return std::sqrt(x * x + y * y) * area.metres_per_unit;
}

GeoBox BoundsOf(const GeoArea& area) {
  const auto [longitude, latitude] = area.center;
  const double tall = GeoDegrees(HalfHeight(area) / kEarthRadiusMetres);
  // Degrees of longitude are shortest at the edge nearer to the pole.
  const double edge = latitude < 0 ? latitude - tall : latitude + tall;
  const double wide = GeoDegrees(HalfWidth(area) / kEarthRadiusMetres / std::cos(GeoRadians(edge)));
  return {.west = longitude - wide,
          .east = longitude + wide,
          .south = latitude - tall,
          .north = latitude + tall};
}

// The finest step at which a cell and its neighbours should reach far enough.
int StepFor(double reach_metres, double latitude) {
  if (reach_metres == 0) return kGeoStepMax;
  int step = 1;
  for (; reach_metres < kMercatorMax; reach_metres *= 2) ++step;
  step -= 2;  // so that most cases are well inside
  // Cells are narrow towards the poles.
  const double from_equator = std::fabs(latitude);
  if (from_equator > 66) --step;
  if (from_equator > 80) --step;
  return std::clamp(step, 1, kGeoStepMax);
}

bool ReachesBeyondNeighbours(const GeoBox& bounds, const GeoCell& cell) {
  return cell.Moved(0, 1).Box().north < bounds.north ||
         cell.Moved(0, -1).Box().south > bounds.south ||
         cell.Moved(1, 0).Box().east < bounds.east || cell.Moved(-1, 0).Box().west > bounds.west;
}

}  // namespace

std::optional<double> GeoArea::DistanceIfInside(const GeoPoint& point) const {
  if (shape == Shape::kCircle) {
    // Too far north or south, and not only by a rounding error: this is the cheaper question.
    const double reach = radius * metres_per_unit * 1.001 + 1;
    if (GeoLatitudeDistance(point.latitude, center.latitude) > reach) return std::nullopt;
    const double distance = GeoDistance(center, point);
    if (distance > radius * metres_per_unit) return std::nullopt;
    return distance;
  }
  if (GeoLatitudeDistance(point.latitude, center.latitude) > height * metres_per_unit / 2) {
    return std::nullopt;
  }
  const GeoPoint beside{center.longitude, point.latitude};
  if (GeoDistance(point, beside) > width * metres_per_unit / 2) return std::nullopt;
  return GeoDistance(center, point);
}

GeoCover CoverOf(const GeoArea& area) {
  struct Direction {
    int columns;
    int rows;
  };
  static constexpr Direction kDirections[GeoCover::kCellsMax] = {
      {0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};

  const GeoBox bounds = BoundsOf(area);
  int step = StepFor(Reach(area), area.center.latitude);
  GeoCell cell = GeoCell::Around(area.center, step);
  if (step > 1 && ReachesBeyondNeighbours(bounds, cell)) {
    cell = GeoCell::Around(area.center, --step);
  }
  // Where the cell itself reaches over the bounds, nothing is to be found beyond.
  const GeoBox box = cell.Box();
  const bool is_fine = step >= 2;
  const auto is_useless = [&](const Direction& to) {
    return is_fine && ((to.rows < 0 && box.south < bounds.south) ||
                       (to.rows > 0 && box.north > bounds.north) ||
                       (to.columns < 0 && box.west < bounds.west) ||
                       (to.columns > 0 && box.east > bounds.east));
  };
  GeoCover cover;
  for (const Direction& to : kDirections) {
    if (is_useless(to)) continue;
    const GeoCell neighbour = cell.Moved(to.columns, to.rows);
    // On the coarsest grid neighbours of opposite sides are the same.
    const bool is_repeated = cover.count > 1 && cover.cells[cover.count - 1] == neighbour;
    if (!is_repeated) cover.cells[cover.count++] = neighbour;
  }
  return cover;
}

ScoreRange ScoresOf(const GeoCell& cell) {
  const int shift = 2 * (kGeoStepMax - cell.step);
  return {.min = static_cast<double>(cell.Bits() << shift),
          .max = static_cast<double>((cell.Bits() + 1) << shift),
          .excludes_min = false,
          .excludes_max = true};
}

}  // namespace slotway::storage
