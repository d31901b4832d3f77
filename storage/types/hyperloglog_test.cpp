// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hyperloglog.h"

#include <gtest/gtest.h>
#include <string>

#include "storage/types/hll_sparse.h"

namespace slotway::storage {
namespace {

// Where redis-server 7.0.15 puts them (PFDEBUG DECODE); of 0, 3 and 9 bytes, the last one more than
// a word of the hash.
TEST(HyperLogLog, PlacesAreRedisPlaces) {
  const HllPlace foo = HllPlaceOf("foo");
  EXPECT_EQ(foo.index, 7348);
  EXPECT_EQ(foo.count, 5);
  const HllPlace empty = HllPlaceOf("");
  EXPECT_EQ(empty.index, 5938);
  EXPECT_EQ(empty.count, 2);
  const HllPlace nine = HllPlaceOf("123456789");
  EXPECT_EQ(nine.index, 9293);
  EXPECT_EQ(nine.count, 2);
}

TEST(HyperLogLog, OnlyWhatBeginsLikeOneIsOne) {
  EXPECT_TRUE(IsHll(EmptyHll()));
  EXPECT_TRUE(IsHll(EmptyHll().substr(0, kHllHeaderBytes)));
  EXPECT_FALSE(IsHll(EmptyHll().substr(0, kHllHeaderBytes - 1)));
  std::string value = EmptyHll();
  value[4] = 2;
  EXPECT_FALSE(IsHll(value));
  value[4] = 0;
  EXPECT_FALSE(IsHll(value)) << "a dense one has its length";
  value.resize(kHllDenseBytes);
  EXPECT_TRUE(IsHll(value));
  value[0] = 'h';
  EXPECT_FALSE(IsHll(value));
}

TEST(HyperLogLog, TheCountInTheHeader) {
  std::string value = EmptyHll();
  EXPECT_EQ(HllCachedCount(value), 0u);
  SetHllCachedCount(value, 0x1234);
  EXPECT_EQ(value.substr(8, 3), std::string("\x34\x12\0", 3));
  EXPECT_EQ(HllCachedCount(value), 0x1234u);
  DropHllCachedCount(value);
  EXPECT_EQ(HllCachedCount(value), std::nullopt);
}

}  // namespace
}  // namespace slotway::storage
