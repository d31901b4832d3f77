// SPDX-License-Identifier: Apache-2.0
// A '*' can take any bytes, so when a later part fails only the last '*' needs another try, one
// byte longer: one remembered position, no recursion.
#include "protocol/glob.h"

#include <cstddef>
#include <utility>

namespace slotway::protocol {
namespace {

template <bool kNoCase>
char Fold(char c) {
  return kNoCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Whether the class whose '[' stands at pattern[i] takes `c`; leaves i behind the class. Redis's
// odd cases: a missing ']' ends the class with the pattern, "[]" is an empty class, a range is
// turned round if need be and compares bytes as signed, an escaped member always heeds the case,
// and a '-' that is not followed by two more bytes stands for itself.
template <bool kNoCase>
bool ClassMatches(std::string_view pattern, std::size_t& i, char c) {
  ++i;
  const bool is_negated = i < pattern.size() && pattern[i] == '^';
  if (is_negated) ++i;
  bool matches = false;
  for (; i < pattern.size(); ++i) {
    const std::size_t left = pattern.size() - i;
    if (pattern[i] == '\\' && left >= 2) {
      ++i;
      matches |= pattern[i] == c;
    } else if (pattern[i] == ']') {
      ++i;
      break;
    } else if (left >= 3 && pattern[i + 1] == '-') {
      auto low = static_cast<signed char>(pattern[i]);
      auto high = static_cast<signed char>(pattern[i + 2]);
      if (low > high) std::swap(low, high);
      const auto folded = static_cast<signed char>(Fold<kNoCase>(c));
      matches |= folded >= static_cast<signed char>(Fold<kNoCase>(static_cast<char>(low))) &&
                 folded <= static_cast<signed char>(Fold<kNoCase>(static_cast<char>(high)));
      i += 2;
    } else {
      matches |= Fold<kNoCase>(pattern[i]) == Fold<kNoCase>(c);
    }
  }
  return matches != is_negated;
}

// Whether the element at pattern[i], which is no '*', takes `c`; leaves i behind the element.
template <bool kNoCase>
bool ElementMatches(std::string_view pattern, std::size_t& i, char c) {
  switch (pattern[i]) {
    case '?':
      ++i;
      return true;
    case '[':
      return ClassMatches<kNoCase>(pattern, i, c);
    case '\\':
      if (i + 1 < pattern.size()) ++i;
      break;
    default:
      break;
  }
  return Fold<kNoCase>(pattern[i++]) == Fold<kNoCase>(c);
}

template <bool kNoCase>
bool Matches(std::string_view pattern, std::string_view text) {
  // Redis matches no pattern but the empty one with an empty text, not even '*'.
  if (text.empty()) return pattern.empty();
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t i = 0;
  std::size_t t = 0;
  std::size_t star_pattern = kNone;  // behind the last '*'
  std::size_t star_text = 0;         // what follows the bytes it takes at present
  while (t < text.size()) {
    if (i < pattern.size() && pattern[i] == '*') {
      while (i < pattern.size() && pattern[i] == '*') ++i;
      if (i == pattern.size()) return true;
      star_pattern = i;
      star_text = t;
    } else if (i < pattern.size() && ElementMatches<kNoCase>(pattern, i, text[t])) {
      ++t;
    } else if (star_pattern != kNone) {
      i = star_pattern;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (i < pattern.size() && pattern[i] == '*') ++i;
  return i == pattern.size();
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  return Matches<false>(pattern, text);
}

bool GlobMatchesNoCase(std::string_view pattern, std::string_view text) {
  return Matches<true>(pattern, text);
}

}  // namespace slotway::protocol
