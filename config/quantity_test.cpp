// SPDX-License-Identifier: Apache-2.0
#include "config/quantity.h"

#include <gtest/gtest.h>
#include <limits>

namespace slotway::config {
namespace {

TEST(Quantity, Integers) {
  EXPECT_EQ(ParseInteger("0"), 0);
  EXPECT_EQ(ParseInteger("-5"), -5);
  EXPECT_EQ(ParseInteger("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(ParseInteger("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (std::string_view wrong : {"", "-", "+1", " 1", "1 ", "01", "-0", "1.5", "0x10", "1kb",
                                 "9223372036854775808", "99999999999999999999"}) {
    EXPECT_EQ(ParseInteger(wrong), std::nullopt) << wrong;
  }
}

TEST(Quantity, Sizes) {
  struct Case {
    std::string_view text;
    uint64_t bytes;
  } cases[] = {
      {"", 0},
      {"0", 0},
      {"5b", 5},
      {"1k", 1000},
      {"1kb", 1024},
      {"3M", 3000000},
      {"2mb", 2 << 20},
      {"1g", 1000000000},
      {"1GB", 1 << 30},
      {"64Mi", 64 << 20},
      {"1KiB", 1024},
      {"0755", 755},
      {"99999999999999999999", std::numeric_limits<uint64_t>::max()},
      {"99999999999999gb", std::numeric_limits<uint64_t>::max()},
  };
  for (const Case& c : cases) EXPECT_EQ(ParseSize(c.text), c.bytes) << c.text;
  for (std::string_view wrong : {"-1", "1.5gb", "1 gb", "mb", "1tb", "10%", " 5"}) {
    EXPECT_EQ(ParseSize(wrong), std::nullopt) << wrong;
  }
}

TEST(Quantity, Durations) {
  struct Case {
    std::string_view text;
    uint64_t default_unit_us, us;
  } cases[] = {
      {"0", 1000, 0},
      {"250", 1000, 250000},
      {"250ms", 1000000, 250000},
      {"30s", 1000, 30000000},
      {"5m", 1000, 300000000},
      {"2h", 1000, 7200000000},
      {"1d", 1000, 86400000000},
      {"7us", 1000, 7},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseDurationUs(c.text, c.default_unit_us), c.us) << c.text;
  }
  for (std::string_view wrong : {"", "s", "-1s", "1.5s", "1 s", "1w", "ten"}) {
    EXPECT_EQ(ParseDurationUs(wrong, 1000), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace slotway::config
