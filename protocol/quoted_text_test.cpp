// SPDX-License-Identifier: Apache-2.0
#include "protocol/quoted_text.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

using namespace std::literals;

// The right column is redis-server's own.
TEST(QuotedTextTest, IsWhatMonitorShows) {
  struct Case {
    std::string_view bytes, quoted;
  } cases[] = {
      {"", R"("")"},
      {"key", R"("key")"},
      {"a b", R"("a b")"},
      {"a\0\n\"\\"sv, R"("a\x00\n\"\\")"},
      {"\r\t\a\b", R"("\r\t\a\b")"},
      {"\xff'\x7f\x1b", R"("\xff'\x7f\x1b")"},
      {"\xc3\xa9", R"("\xc3\xa9")"},
  };
  for (const Case& c : cases) {
    std::string out = "x ";
    AppendQuoted(c.bytes, out);
    EXPECT_EQ(out, "x " + std::string(c.quoted));
  }
}

}  // namespace
}  // namespace slotway::protocol
