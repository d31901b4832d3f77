// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/sort_request.h"

#include <gtest/gtest.h>

#include <limits>

#include "protocol/error_text.h"

namespace slotway::proxy {
namespace {

using Words = std::vector<std::string>;

TEST(SortPattern, NamesAKeyAndPerhapsAField) {
  struct Case {
    std::string pattern, key, field;
  };
  for (const Case& c : {Case{"w_*", "w_7", ""}, Case{"*", "7", ""}, Case{"*:*", "7:*", ""},
                        Case{"o_*->f", "o_7", "f"}, Case{"o_*->f->g", "o_7", "f->g"},
                        Case{"o_*->", "o_7->", ""}, Case{"a->*", "a->7", ""}}) {
    SCOPED_TRACE(c.pattern);
    SortPattern pattern(c.pattern);
    ASSERT_TRUE(pattern.NamesKeys());
    EXPECT_EQ(pattern.KeyOf("7"), c.key);
    EXPECT_EQ(pattern.Field(), c.field);
  }
  EXPECT_FALSE(SortPattern("constant").NamesKeys());
  EXPECT_FALSE(SortPattern("o->*").IsElement());
  EXPECT_TRUE(SortPattern("#").IsElement());
}

TEST(ParseSort, ReadsEveryWord) {
  auto sort = ParseSort(Words{"by", "w_*", "LIMIT", "2", "-3", "GET", "#", "get", "v_*", "DESC",
                              "ALPHA", "STORE", "d"},
                        true);
  ASSERT_TRUE(sort.has_value());
  EXPECT_TRUE(sort->by.has_value());
  EXPECT_EQ(sort->gets.size(), 2u);
  EXPECT_TRUE(sort->is_alpha && sort->is_descending && !sort->is_unsorted);
  EXPECT_EQ(sort->limit_offset, 2);
  EXPECT_EQ(sort->limit_count, -3);
  EXPECT_EQ(sort->destination, "d");
}

TEST(ParseSort, AConstantAnywhereMeansNoOrder) {
  for (const Words& words : {Words{"BY", "no", "BY", "w_*"}, Words{"BY", "w_*", "BY", "no"}}) {
    auto sort = ParseSort(words, false);
    ASSERT_TRUE(sort.has_value());
    EXPECT_TRUE(sort->is_unsorted);
    EXPECT_FALSE(sort->by.has_value());
  }
}

TEST(ParseSort, RefusesWhatRedisRefuses) {
  for (const Words& words : {Words{"NOPE"}, Words{"BY"}, Words{"GET"}, Words{"LIMIT", "1"},
                             Words{"STORE", "d"}, Words{"GET", "#", "x"}}) {
    auto sort = ParseSort(words, false);
    ASSERT_FALSE(sort.has_value());
    EXPECT_EQ(sort.error(), protocol::error_text::kSyntax);
  }
  EXPECT_EQ(ParseSort(Words{"LIMIT", "a", "1", "NOPE"}, true).error(),
            protocol::error_text::kNotInteger);
}

TEST(HasSortPatterns, IsTrueOfWhatAShardWouldRefuse) {
  using Args = std::vector<std::string_view>;
  EXPECT_TRUE(HasSortPatterns(Args{"SORT", "k", "BY", "w_*"}));
  EXPECT_TRUE(HasSortPatterns(Args{"SORT", "k", "LIMIT", "0", "1", "GET", "#"}));
  EXPECT_FALSE(HasSortPatterns(Args{"SORT", "k", "BY", "nosort"}));
  EXPECT_FALSE(HasSortPatterns(Args{"SORT", "k", "STORE", "get", "ALPHA"}));
  EXPECT_FALSE(HasSortPatterns(Args{"SORT", "get", "by"}));
}

std::string Ordered(const Words& words, std::vector<SortedElement> elements) {
  auto sort = ParseSort(words, false);
  if (!sort || !OrderByWeights(*sort, elements)) return "error";
  std::string order;
  for (const SortedElement& element : elements) order += element.element;
  return order;
}

TEST(OrderByWeights, IsByNumberThenElement) {
  std::vector<SortedElement> some = {{"c", "10"}, {"a", "9"}, {"b", "10"}, {"d", std::nullopt}};
  EXPECT_EQ(Ordered({"BY", "w_*"}, some), "dabc");
  EXPECT_EQ(Ordered({"BY", "w_*", "DESC"}, some), "cbad");
  EXPECT_EQ(Ordered({"BY", "w_*"}, {{"a", "inf"}, {"b", "-1e3"}, {"c", " 2"}, {"d", ""}}), "bdca");
  for (const char* wrong : {"x", "1x", "nan", "1e999", "1 "}) {
    EXPECT_EQ(Ordered({"BY", "w_*"}, {{"a", "1"}, {"b", wrong}}), "error") << wrong;
  }
}

TEST(OrderByWeights, IsByBytesIfAlpha) {
  std::vector<SortedElement> some = {{"a", "b"}, {"b", "10"}, {"c", "9"}, {"d", std::nullopt}};
  EXPECT_EQ(Ordered({"BY", "w_*", "ALPHA"}, some), "dbca");
  EXPECT_EQ(Ordered({"BY", "w_*", "ALPHA", "DESC"}, some), "acbd");
}

TEST(LimitOf, StaysWithinWhatThereIs) {
  struct Case {
    std::int64_t offset, count;
    std::size_t first, last;
  };
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const Case& c : {Case{0, -1, 0, 5}, Case{1, 2, 1, 3}, Case{-4, 2, 0, 2},
                        Case{3, kHuge, 3, 5}, Case{kHuge, kHuge, 5, 5}, Case{2, 0, 2, 2}}) {
    SortRequest request;
    request.limit_offset = c.offset;
    request.limit_count = c.count;
    EXPECT_EQ(LimitOf(request, 5), std::make_pair(c.first, c.last));
  }
}

}  // namespace
}  // namespace slotway::proxy
