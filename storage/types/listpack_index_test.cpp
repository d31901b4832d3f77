// SPDX-License-Identifier: Apache-2.0
#include "storage/types/listpack_index.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::storage {
namespace {

TEST(ListpackIndex, FindsWhatIsInAndNothingElse) {
  for (const int count : {0, 1, 7, 8, 500}) {
    Listpack listpack;
    for (int i = 0; i < count; ++i) {
      // Numbers, texts, and texts that look like numbers.
      listpack.Append(std::to_string(i * 1000));
      listpack.Append("m" + std::to_string(i));
      listpack.Append("0" + std::to_string(i));
    }
    const ListpackIndex index(listpack.bytes(), 7);
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(index.Contains(std::to_string(i * 1000)));
      ASSERT_TRUE(index.Contains("m" + std::to_string(i)));
      ASSERT_TRUE(index.Contains("0" + std::to_string(i)));
      ASSERT_FALSE(index.Contains(std::to_string(i * 1000 + 1)));
      ASSERT_FALSE(index.Contains("n" + std::to_string(i)));
    }
    EXPECT_FALSE(index.Contains(""));
  }
}

}  // namespace
}  // namespace slotway::storage
