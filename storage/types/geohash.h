// SPDX-License-Identifier: Apache-2.0
// Places on the earth as cells of a grid: what the scores of a geo set are.
//
// At step s the grid has 2^s columns from 180 W to 180 E and 2^s rows from the southern to the
// northern limit of web maps (EPSG:3857). A cell's bits are row and column interleaved, the row in
// the even bits, so that the cells of step s + 1 inside it follow each other. A score is a cell of
// step 26 (52 bits), which a double holds exactly. Arithmetic is done in Redis's order, so that
// positions agree to the last digit. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slotway::storage {

inline constexpr int kGeoStepMax = 26;

struct GeoPoint {
  double longitude;
  double latitude;

  bool IsOnTheGrid() const;
};

struct GeoBox {
  double west;
  double east;
  double south;
  double north;
};

struct GeoCell {
  std::uint32_t column;
  std::uint32_t row;
  int step;

  // REQUIRES: point.IsOnTheGrid().
  static GeoCell Around(const GeoPoint& point, int step);
  // Any double is some cell; those that are no cell's bits give places on the grid's edge.
  static GeoCell OfScore(double score);

  std::uint64_t Bits() const;
  double Score() const { return static_cast<double>(Bits()); }
  GeoBox Box() const;
  GeoPoint Center() const;
  // The cell so many columns east and rows north, -1 to 1. The grid's edges meet.
  GeoCell Moved(int columns, int rows) const;

  friend bool operator==(const GeoCell&, const GeoCell&) = default;
};

// Metres on a sphere.
double GeoDistance(const GeoPoint& a, const GeoPoint& b);
// The same for two points of one longitude.
double GeoLatitudeDistance(double a, double b);

// The standard text form (geohash.org), of 11 letters, the last always '0'.
std::string GeohashText(const GeoPoint& point);

double GeoRadians(double degrees);
double GeoDegrees(double radians);
inline constexpr double kEarthRadiusMetres = 6372797.560856;

}  // namespace slotway::storage
