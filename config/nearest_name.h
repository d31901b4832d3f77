// SPDX-License-Identifier: Apache-2.0
// "did you mean ...?": the known name closest to a mistyped one. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slotway::config {

// The name with the fewest edits (insert, delete, replace a letter), '-' and '_' being the same;
// empty when even that one needs more than a third of the letters.
std::string_view NearestName(std::string_view wrong, std::span<const std::string_view> known);

// " (did you mean 'x'?)", or "".
std::string Suggestion(std::string_view wrong, std::span<const std::string_view> known);

}  // namespace slotway::config
