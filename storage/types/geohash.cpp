// SPDX-License-Identifier: Apache-2.0
#include "storage/types/geohash.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace slotway::storage {
namespace {

constexpr double kLongitudeMax = 180;
constexpr double kLatitudeMax = 85.05112878;
constexpr double kRadiansPerDegree = std::numbers::pi / 180;

// Bit i goes to bit 2 i.
std::uint64_t Spread(std::uint32_t value) {
  std::uint64_t bits = value;
  bits = (bits | bits << 16) & 0x0000ffff0000ffff;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits << 2) & 0x3333333333333333;
  return (bits | bits << 1) & 0x5555555555555555;
}

// Bit 2 i goes to bit i.
std::uint32_t Gather(std::uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | bits >> 1) & 0x3333333333333333;
  bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
  bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
  return static_cast<std::uint32_t>(bits | bits >> 16);
}

// Which of 2^step equal parts of [-max, max] a value is in; 2^step at the very end.
std::uint32_t PartOf(double value, double max, int step) {
  const double share = (value - -max) / (max - -max);
  return static_cast<std::uint32_t>(share * static_cast<double>(1ull << step));
}

double StartOfPart(double part, double max, int step) {
  return -max + part / static_cast<double>(1ull << step) * (max - -max);
}

// Scores that no cell has are met when a geo command is used on a common sorted set.
std::uint64_t BitsOfScore(double score) {
  constexpr double k2To63 = 9223372036854775808.0;
  if (score >= 2 * k2To63) return 0;
  if (score >= k2To63) return static_cast<std::uint64_t>(score);
  if (score <= -k2To63) return std::uint64_t{1} << 63;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(score));
}

}  // namespace

double GeoRadians(double degrees) { return degrees * kRadiansPerDegree; }
double GeoDegrees(double radians) { return radians / kRadiansPerDegree; }

bool GeoPoint::IsOnTheGrid() const {
  return longitude >= -kLongitudeMax && longitude <= kLongitudeMax && latitude >= -kLatitudeMax &&
         latitude <= kLatitudeMax;
}

GeoCell GeoCell::Around(const GeoPoint& point, int step) {
  return {PartOf(point.longitude, kLongitudeMax, step), PartOf(point.latitude, kLatitudeMax, step),
          step};
}

GeoCell GeoCell::OfScore(double score) {
  const std::uint64_t bits = BitsOfScore(score);
  return {Gather(bits >> 1), Gather(bits), kGeoStepMax};
}

std::uint64_t GeoCell::Bits() const { return Spread(row) | Spread(column) << 1; }

GeoBox GeoCell::Box() const {
  return {.west = StartOfPart(column, kLongitudeMax, step),
          .east = StartOfPart(column + 1.0, kLongitudeMax, step),
          .south = StartOfPart(row, kLatitudeMax, step),
          .north = StartOfPart(row + 1.0, kLatitudeMax, step)};
}

GeoPoint GeoCell::Center() const {
  const GeoBox box = Box();
  return {std::clamp((box.west + box.east) / 2, -kLongitudeMax, kLongitudeMax),
          std::clamp((box.south + box.north) / 2, -kLatitudeMax, kLatitudeMax)};
}

GeoCell GeoCell::Moved(int columns, int rows) const {
  const std::uint32_t mask = (1u << step) - 1;
  GeoCell cell = *this;
  if (columns != 0) cell.column = (column + static_cast<std::uint32_t>(columns)) & mask;
  if (rows != 0) cell.row = (row + static_cast<std::uint32_t>(rows)) & mask;
  return cell;
}

double GeoLatitudeDistance(double a, double b) {
  return kEarthRadiusMetres * std::fabs(GeoRadians(b) - GeoRadians(a));
}

// The haversine formula.
double GeoDistance(const GeoPoint& a, const GeoPoint& b) {
  const double half_longitude =
      std::sin((GeoRadians(b.longitude) - GeoRadians(a.longitude)) / 2);
  if (half_longitude == 0) return GeoLatitudeDistance(a.latitude, b.latitude);
  const double latitude_a = GeoRadians(a.latitude);
  const double latitude_b = GeoRadians(b.latitude);
  const double half_latitude = std::sin((latitude_b - latitude_a) / 2);
  const double squared =
      half_latitude * half_latitude +
      std::cos(latitude_a) * std::cos(latitude_b) * half_longitude * half_longitude;
  return 2.0 * kEarthRadiusMetres * std::asin(std::sqrt(squared));
}

std::string GeohashText(const GeoPoint& point) {
  constexpr char kLetters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  constexpr double kPole = 90;  // this grid reaches the poles
  const GeoCell cell{PartOf(point.longitude, kLongitudeMax, kGeoStepMax),
                     PartOf(point.latitude, kPole, kGeoStepMax), kGeoStepMax};
  std::string text;
  for (int shift = 2 * kGeoStepMax - 5; shift >= 0; shift -= 5) {
    text.push_back(kLetters[cell.Bits() >> shift & 31]);
  }
  text.push_back('0');  // 52 bits are ten letters and a piece of one, which is not told
  return text;
}

}  // namespace slotway::storage
