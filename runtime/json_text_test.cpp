// SPDX-License-Identifier: Apache-2.0
#include "runtime/json_text.h"

#include <gtest/gtest.h>

namespace slotway::runtime {
namespace {

std::string Json(std::string_view text) {
  std::string out;
  AppendJson(out, text);
  return out;
}

TEST(JsonText, WhatHasToBeEscapedIs) {
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Json("a\nb\x01"), R"("a\u000ab\u0001")");
  EXPECT_EQ(Json(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonText, CharactersStayAndWhatIsNoneIsReplaced) {
  EXPECT_EQ(Json("키"), "\"키\"");
  EXPECT_EQ(Json("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
  for (std::string_view wrong : {"\xff", "\x80", "\xc0", "\xf5"}) {
    EXPECT_EQ(Json(wrong), "\"\xef\xbf\xbd\"");
  }
  EXPECT_EQ(Json("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "cut off";
  EXPECT_EQ(Json("\xed\xa0\x80z").back(), '"') << "a surrogate";
  EXPECT_EQ(Json("\xc3(").substr(4), "(\"");
}

}  // namespace
}  // namespace slotway::runtime
