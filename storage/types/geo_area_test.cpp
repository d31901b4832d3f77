// SPDX-License-Identifier: Apache-2.0
#include "storage/types/geo_area.h"

#include <algorithm>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

bool IsCovered(const GeoCover& cover, const GeoPoint& point) {
  const double score = GeoCell::Around(point, kGeoStepMax).Score();
  return std::any_of(cover.cells.begin(), cover.cells.begin() + cover.count,
                     [score](const GeoCell& cell) {
                       const ScoreRange range = ScoresOf(cell);
                       return !range.StartsAfter(score) && !range.EndsBefore(score);
                     });
}

TEST(GeoArea, EverythingInsideIsCovered) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> share(-1, 1);
  int inside = 0;
  for (int i = 0; i < 2000; ++i) {
    GeoArea area{.center = {share(random) * 170, share(random) * 60}, .metres_per_unit = 1000};
    const double size = 1 + 400 * std::abs(share(random));
    if (i % 2 == 0) {
      area.radius = size;
    } else {
      area.shape = GeoArea::Shape::kBox;
      area.width = size;
      area.height = size / (1 + i % 5);
    }
    const GeoCover cover = CoverOf(area);
    for (int j = 0; j < 50; ++j) {
      const GeoPoint point{area.center.longitude + share(random) * size / 60,
                           area.center.latitude + share(random) * size / 100};
      if (!point.IsOnTheGrid() || !area.DistanceIfInside(point)) continue;
      ++inside;
      ASSERT_TRUE(IsCovered(cover, point)) << point.longitude << " " << point.latitude;
    }
  }
  EXPECT_GT(inside, 10'000);
}

TEST(GeoArea, CirclesAndBoxes) {
  GeoArea area{.center = {15, 37}, .radius = 100, .metres_per_unit = 1000};
  const GeoPoint catania{15.087269, 37.502669};
  const auto distance = area.DistanceIfInside(catania);
  ASSERT_TRUE(distance.has_value());
  EXPECT_NEAR(*distance, 56441.0, 1.0);
  area.radius = 56;
  EXPECT_FALSE(area.DistanceIfInside(catania).has_value());
  area.shape = GeoArea::Shape::kBox;
  area.width = 20;
  area.height = 120;
  EXPECT_TRUE(area.DistanceIfInside(catania).has_value());
  area.width = 15;
  EXPECT_FALSE(area.DistanceIfInside(catania).has_value());
}

TEST(GeoArea, TheWholeEarthIsFourCellsOnce) {
  const GeoCover cover = CoverOf({.center = {10, 10}, .radius = 20'000, .metres_per_unit = 1000});
  double bits = 0;
  for (std::size_t i = 0; i < cover.count; ++i) bits += cover.cells[i].Score();
  EXPECT_EQ(cover.count, 4u);
  EXPECT_EQ(bits, 0 + 1 + 2 + 3);
}

}  // namespace
}  // namespace slotway::storage
