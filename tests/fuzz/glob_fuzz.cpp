// SPDX-License-Identifier: Apache-2.0
// Input: a pattern, a NUL, a text. The matcher agrees with a plain recursive definition.
#include <string>
#include <utility>

#include "protocol/glob.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

char Fold(char c, bool no_case) { return no_case && c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

// Whether the class behind '[' takes `c`; cuts it off the front of `pattern`.
bool TakesClass(std::string_view& pattern, char c, bool no_case) {
  const bool is_negated = pattern.starts_with('^');
  if (is_negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.empty() && (pattern[0] != ']')) {
    if (pattern[0] == '\\' && pattern.size() > 1) {
      found = found || pattern[1] == c;
      pattern.remove_prefix(2);
    } else if (pattern.size() > 2 && pattern[1] == '-') {
      int low = static_cast<signed char>(pattern[0]);
      int high = static_cast<signed char>(pattern[2]);
      if (low > high) std::swap(low, high);
      const int folded = static_cast<signed char>(Fold(c, no_case));
      found = found || (folded >= static_cast<signed char>(Fold(char(low), no_case)) &&
                        folded <= static_cast<signed char>(Fold(char(high), no_case)));
      pattern.remove_prefix(3);
    } else {
      found = found || Fold(pattern[0], no_case) == Fold(c, no_case);
      pattern.remove_prefix(1);
    }
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return found != is_negated;
}

// Recursive, and exponential in the number of '*': the budget ends hopeless cases.
bool Matches(std::string_view pattern, std::string_view text, bool no_case, int& budget) {
  if (--budget < 0) return false;
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (Matches(pattern.substr(1), text.substr(i), no_case, budget)) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  const char first = pattern[0];
  pattern.remove_prefix(1);
  bool fits = true;
  if (first == '[') {
    fits = TakesClass(pattern, text[0], no_case);
  } else if (first == '\\' && !pattern.empty()) {
    fits = Fold(pattern[0], no_case) == Fold(text[0], no_case);
    pattern.remove_prefix(1);
  } else if (first != '?') {
    fits = Fold(first, no_case) == Fold(text[0], no_case);
  }
  return fits && Matches(pattern, text.substr(1), no_case, budget);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slotway::fuzz::AsText(data, size);
  const std::size_t cut = input.find('\0');
  const std::string_view pattern = input.substr(0, cut);
  const std::string_view text =
      cut == std::string_view::npos ? std::string_view() : input.substr(cut + 1);
  for (bool no_case : {false, true}) {
    const bool result = no_case ? slotway::protocol::GlobMatchesNoCase(pattern, text)
                                : slotway::protocol::GlobMatches(pattern, text);
    int budget = 20000;
    bool expected = Matches(pattern, text, no_case, budget);
    if (text.empty()) expected = pattern.empty();  // Redis's rule
    if (budget >= 0) FUZZ_CHECK(result == expected);
  }
  return 0;
}
