// SPDX-License-Identifier: Apache-2.0
#include "storage/types/sorted_set_listpack.h"

#include <initializer_list>
#include <string_view>

namespace slotway::storage {
namespace {

Listpack Of(std::initializer_list<std::string_view> elements) {
  Listpack listpack;
  for (const std::string_view element : elements) listpack.Append(element);
  return listpack;
}

TEST(SortedSetListpack, ScoresAreWrittenAsRedisDoes) {
  ScoreText text;
  EXPECT_EQ(text.Print(3), "3");
  EXPECT_EQ(text.Print(-0.0), "0");
  EXPECT_EQ(text.Print(0.1), "0.1");
  EXPECT_EQ(text.Print(1e17), "100000000000000000");
  EXPECT_EQ(text.Print(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(SortedSetListpack, RanksAndPositions) {
  const Listpack listpack = Of({"a", "-inf", "12", "1", "c", "1", "d", "2.5"});
  const SortedSetReader items(listpack.reader());
  ASSERT_EQ(items.Count(), 4u);
  NumberText digits;
  for (std::size_t rank = 0; rank < 4; ++rank) {
    const std::size_t at = items.PositionOf(rank);
    EXPECT_EQ(items.RankAt(at), rank);
    EXPECT_EQ(items.Find(items.At(at, digits).member), at);
  }
  EXPECT_EQ(items.PositionOf(4), items.End());
  EXPECT_EQ(items.Find("1"), items.End());  // a score is no member
  EXPECT_EQ(items.ScoreAt(items.PositionOf(3)), 2.5);
  EXPECT_EQ(items.RankAt(items.PlaceFor({1, "b"})), 2u);
  EXPECT_EQ(items.RanksOf(ScoreRange{1, 1}).first, 1u);
  EXPECT_EQ(items.RanksOf(ScoreRange{1, 1}).count, 2u);
  EXPECT_EQ(items.RanksOf(ScoreRange{1, 2.5, true, true}).count, 0u);
}

TEST(SortedSetListpack, BytesFromOutsideAreChecked) {
  const auto is_valid = [](std::initializer_list<std::string_view> elements) {
    return IsValidSortedSetListpack(Of(elements).bytes());
  };
  EXPECT_TRUE(is_valid({}));
  EXPECT_TRUE(is_valid({"a", "1", "b", "1.5", "c", "inf"}));
  EXPECT_TRUE(is_valid({"a", "1.0000000000000001e-05"}));
  EXPECT_FALSE(is_valid({"a"}));
  EXPECT_FALSE(is_valid({"a", "x"}));
  EXPECT_FALSE(is_valid({"a", ""}));
  EXPECT_FALSE(is_valid({"a", "nan"}));
  EXPECT_FALSE(is_valid({"a", "1", "a", "2"}));
  EXPECT_FALSE(is_valid({"a", "2", "b", "1"}));
  EXPECT_FALSE(is_valid({"b", "1", "a", "1"}));
}

}  // namespace
}  // namespace slotway::storage
