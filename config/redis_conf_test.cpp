// SPDX-License-Identifier: Apache-2.0
#include "config/redis_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace slotway::config {
namespace {

using Words = std::vector<std::string>;

TEST(RedisConf, SplitsLines) {
  struct Case {
    std::string line;
    std::optional<Words> words;
  } cases[] = {
      {"", Words{}},
      {"  \t \r", Words{}},
      {"# a comment \"", Words{}},
      {"   # another", Words{}},
      {"port 7000", Words{"port", "7000"}},
      {" \tport\t7000 \r", Words{"port", "7000"}},
      {"save \"\"", Words{"save", ""}},
      {"a '' b", Words{"a", "", "b"}},
      {"requirepass \"a b\\\"c\\\\\\n\\x41\\q\"", Words{"requirepass", "a b\"c\\\nAq"}},
      {"x 'it\\'s \\n'", Words{"x", "it's \\n"}},
      {"x foo\"bar baz\"", Words{"x", "foobar baz"}},
      {"x # y", Words{"x", "#", "y"}},
      {"x \"\\xg1\"", Words{"x", "xg1"}},
      {"x \"open", std::nullopt},
      {"x 'open", std::nullopt},
      {"x \"a\"b", std::nullopt},
      {"x 'a'b", std::nullopt},
      {"x \"a\\", std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(SplitConfLine(c.line), c.words) << c.line;
}

TEST(RedisConf, SplitsOnSingleSpaces) {
  EXPECT_EQ(SplitOnSpaces(""), Words{""});
  EXPECT_EQ(SplitOnSpaces("a b"), (Words{"a", "b"}));
  EXPECT_EQ(SplitOnSpaces("a  b "), (Words{"a", "", "b", ""}));
}

TEST(RedisConf, QuotedWordsReadBackAsTheyWere) {
  EXPECT_EQ(QuoteConfWord("plain-1.2:3"), "plain-1.2:3");
  EXPECT_EQ(QuoteConfWord(""), "\"\"");
  EXPECT_EQ(QuoteConfWord("#x"), "\"#x\"");
  constexpr unsigned kSeed = 20240607;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    std::string word(random() % 12, '\0');
    for (char& c : word) c = static_cast<char>(random());
    EXPECT_EQ(SplitConfLine("name " + QuoteConfWord(word)), (Words{"name", word}));
  }
}

}  // namespace
}  // namespace slotway::config
