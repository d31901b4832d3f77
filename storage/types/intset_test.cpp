// SPDX-License-Identifier: Apache-2.0
#include "storage/types/intset.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

using Numbers = std::vector<std::int64_t>;
constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Intset, HasTheBytesOfRedis) {
  EXPECT_EQ(MakeIntset({}), std::string("\2\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(MakeIntset(Numbers{-2, 1}), std::string("\2\0\0\0\2\0\0\0\xfe\xff\1\0", 12));
  EXPECT_EQ(MakeIntset(Numbers{1, 32768}), std::string("\4\0\0\0\2\0\0\0\1\0\0\0\0\x80\0\0", 16));
}

TEST(Intset, TakesTheWidthThatTheWidestNeeds) {
  EXPECT_EQ(IntsetWidthFor(32767), 2u);
  EXPECT_EQ(IntsetWidthFor(-32768), 2u);
  EXPECT_EQ(IntsetWidthFor(32768), 4u);
  EXPECT_EQ(IntsetWidthFor(-32769), 4u);
  EXPECT_EQ(IntsetWidthFor(2147483647), 4u);
  EXPECT_EQ(IntsetWidthFor(2147483648), 8u);
  EXPECT_EQ(IntsetWidthFor(kSmallest), 8u);
  EXPECT_EQ(IntsetReader(MakeIntset(Numbers{-40000, 1})).Width(), 4u);
}

TEST(Intset, FindsWhatIsInAndWhereTheRestWouldBe) {
  for (const std::int64_t factor : {std::int64_t{3}, std::int64_t{3000}, std::int64_t{1} << 50}) {
    Numbers numbers;
    for (std::int64_t i = -100; i < 100; ++i) numbers.push_back(i * factor);
    const std::string bytes = MakeIntset(numbers);
    const IntsetReader reader(bytes);
    ASSERT_EQ(reader.Count(), numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ASSERT_EQ(reader.At(i), numbers[i]);
      ASSERT_EQ(reader.PlaceOf(numbers[i]), i);
      ASSERT_EQ(reader.PlaceOf(numbers[i] + 1), i + 1);
      ASSERT_TRUE(reader.Contains(numbers[i]));
      ASSERT_FALSE(reader.Contains(numbers[i] + 1));
    }
    EXPECT_EQ(reader.PlaceOf(kSmallest), 0u);
    EXPECT_EQ(reader.PlaceOf(kLargest), numbers.size());
  }
}

TEST(Intset, BytesFromOutsideAreChecked) {
  EXPECT_TRUE(IsValidIntset(MakeIntset({})));
  EXPECT_TRUE(IsValidIntset(MakeIntset(Numbers{kSmallest, 0, kLargest})));
  const std::vector<std::string> bad = {
      "",
      std::string("\2\0\0\0\0\0\0", 7),                 // cut in the header
      std::string("\3\0\0\0\0\0\0\0", 8),               // no such width
      std::string("\0\0\0\0\0\0\0\0", 8),               //
      std::string("\2\0\0\0\2\0\0\0\1\0", 10),          // a number is missing
      std::string("\2\0\0\0\1\0\0\0\1\0\2\0", 12),      // one too many
      std::string("\2\0\0\0\2\0\0\0\1\0\1\0", 12),      // twice the same
      std::string("\2\0\0\0\2\0\0\0\2\0\1\0", 12),      // not in order
      std::string("\2\0\0\0\2\0\0\0\1\0\xff\xff", 12),  // the same, with a sign
      std::string("\2\0\0\0\xff\xff\xff\xff\1\0", 10),  // a count beyond any length
      std::string("\x08\0\0\0\0\0\0\x80\1\0", 10),      //
  };
  for (const std::string& bytes : bad) EXPECT_FALSE(IsValidIntset(bytes));
}

}  // namespace
}  // namespace slotway::storage
