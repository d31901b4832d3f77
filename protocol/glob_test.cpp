// SPDX-License-Identifier: Apache-2.0
#include "protocol/glob.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

// What a real server's KEYS matches, odd cases included.
TEST(Glob, MatchesAsRedisDoes) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", false},
      {"**", "", false},
      {"*", "a", true},
      {"a", "a", true},
      {"a", "b", false},
      {"a", "A", false},
      {"abc", "ab", false},
      {"ab", "abc", false},
      {"a*", "a", true},
      {"a**", "a", true},
      {"a*c", "abbbc", true},
      {"a*c", "abbb", false},
      {"a*b*c", "aXbXbXc", true},
      {"*a?", "aaaa", true},
      {"?", "a", true},
      {"?", "ab", false},
      {"h[ae]llo", "hallo", true},
      {"h[ae]llo", "hillo", false},
      {"h[^e]llo", "hallo", true},
      {"h[^e]llo", "hello", false},
      {"h[a-c]llo", "hbllo", true},
      {"h[c-a]llo", "hbllo", true},
      {"h[a-c]llo", "hdllo", false},
      {"[", "a", false},
      {"[", "[", false},
      {"[a", "a", true},
      {"[a", "b", false},
      {"[^", "a", true},
      {"[^", "ab", false},
      {"[^a", "b", true},
      {"[]", "]", false},
      {"[]a", "a", false},
      {"[^]", "a", true},
      {"[a-]", "a", true},
      {"[a-]", "]", true},
      {"[a-]", "_", true},
      {"[a-]", "-", false},
      {"[a-", "-", true},
      {"[-a]", "-", true},
      {"[a-z]*", "m", true},
      {"[\\]]", "]", true},
      {"[\\", "\\", true},
      {"[a\\-z]", "-", true},
      {"[a\\-z]", "b", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"\\", "\\", true},
      {"a\\", "a\\", true},
      {"a\\", "a", false},
      {"\\a", "a", true},
      {"[\x80-\x90]", "\x85", true},
      {"[a-\x90]", "\x95", true},
      {"[a-\x90]", "b", false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(GlobMatches(test.pattern, test.text), test.matches)
        << "'" << test.pattern << "' '" << test.text << "'";
  }
}

TEST(Glob, NoCaseFoldsLettersButNotEscapedMembers) {
  EXPECT_TRUE(GlobMatchesNoCase("MaxMem*", "maxmemory"));
  EXPECT_TRUE(GlobMatchesNoCase("[A-C]x", "bX"));
  EXPECT_TRUE(GlobMatchesNoCase("[abc]", "B"));
  EXPECT_TRUE(GlobMatchesNoCase("\\A", "a"));
  EXPECT_FALSE(GlobMatchesNoCase("[\\A]", "a"));
  EXPECT_FALSE(GlobMatchesNoCase("a", "b"));
}

TEST(Glob, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 5000; ++i) pattern += "*a";
  EXPECT_FALSE(GlobMatches(pattern + "b", std::string(20000, 'a')));
  EXPECT_TRUE(GlobMatches(pattern, std::string(20000, 'a')));
}

}  // namespace
}  // namespace slotway::protocol
