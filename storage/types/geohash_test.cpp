// SPDX-License-Identifier: Apache-2.0
#include "storage/types/geohash.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

constexpr GeoPoint kPalermo{13.361389, 38.115556};
constexpr GeoPoint kCatania{15.087269, 37.502669};

TEST(Geohash, ScoresAreRedisScores) {
  EXPECT_EQ(GeoCell::Around(kPalermo, kGeoStepMax).Bits(), 3479099956230698u);
  EXPECT_EQ(GeoCell::Around(kCatania, kGeoStepMax).Bits(), 3479447370796909u);
  const GeoPoint center = GeoCell::OfScore(3479099956230698).Center();
  EXPECT_DOUBLE_EQ(center.longitude, 13.361389338970184);
  EXPECT_DOUBLE_EQ(center.latitude, 38.115556395496299);
}

TEST(Geohash, Distances) {
  EXPECT_NEAR(GeoDistance(kPalermo, kCatania), 166274.0, 1.0);
  EXPECT_EQ(GeoDistance(kPalermo, kPalermo), 0);
  EXPECT_DOUBLE_EQ(GeoDistance({0, 10}, {0, -10}), GeoLatitudeDistance(10, -10));
}

TEST(Geohash, Texts) {
  EXPECT_EQ(GeohashText(GeoCell::OfScore(3479099956230698).Center()), "sqc8b49rny0");
  EXPECT_EQ(GeohashText(GeoCell::OfScore(3479447370796909).Center()), "sqdtr74hyu0");
}

TEST(Geohash, ACellContainsItsPoints) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> longitudes(-180, 180);
  std::uniform_real_distribution<double> latitudes(-85.05, 85.05);
  for (int i = 0; i < 10'000; ++i) {
    const GeoPoint point{longitudes(random), latitudes(random)};
    for (const int step : {1, 2, 7, kGeoStepMax}) {
      const GeoCell cell = GeoCell::Around(point, step);
      const GeoBox box = cell.Box();
      ASSERT_TRUE(box.west <= point.longitude && point.longitude <= box.east);
      ASSERT_TRUE(box.south <= point.latitude && point.latitude <= box.north);
      ASSERT_EQ(cell.Moved(1, -1).Moved(-1, 1), cell);
    }
    const GeoCell cell = GeoCell::Around(point, kGeoStepMax);
    ASSERT_EQ(GeoCell::OfScore(cell.Score()), cell);
  }
}

TEST(Geohash, ScoresThatAreNoPlaceGiveOneAllTheSame) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double score : {-1.0, -0.5, 1e15, 1e17, 1e19, -1e300, 1e300, inf, -inf}) {
    const GeoPoint point = GeoCell::OfScore(score).Center();
    EXPECT_TRUE(point.IsOnTheGrid()) << score;
    EXPECT_EQ(GeohashText(point).size(), 11u);
  }
}

}  // namespace
}  // namespace slotway::storage
