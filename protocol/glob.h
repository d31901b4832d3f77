// SPDX-License-Identifier: Apache-2.0
// Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules use them.
//
// `*`, `?`, `[abc]`, `[^a-z]`, `\x`. Never recurses deeper than the pattern is long and runs in
// O(pattern * text): patterns come from clients.
#pragma once

#include <string_view>

namespace slotway::protocol {

bool GlobMatches(std::string_view pattern, std::string_view text);
// The same, ASCII letters compared without case.
bool GlobMatchesNoCase(std::string_view pattern, std::string_view text);

}  // namespace slotway::protocol
