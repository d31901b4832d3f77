// SPDX-License-Identifier: Apache-2.0
// The line syntax of redis.conf: words, quotes and comments.
//
// Pure functions. `"..."` knows \n \r \t \b \a \xHH and \c for any other c; `'...'` knows \' only;
// a closing quote must be followed by a space or the end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::config {

// Words of one line; nothing when its quotes do not balance. A comment or blank line has none.
std::optional<std::vector<std::string>> SplitConfLine(std::string_view line);

// Words separated by single spaces, as CONFIG SET cuts the values of multi-argument settings:
// two spaces in a row make an empty word. "" is one empty word.
std::vector<std::string> SplitOnSpaces(std::string_view text);

// One word as a redis.conf line needs it: quoted when it is empty or holds anything special.
std::string QuoteConfWord(std::string_view word);

}  // namespace slotway::config
