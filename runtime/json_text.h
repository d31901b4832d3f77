// SPDX-License-Identifier: Apache-2.0
// Strings as JSON writes them.
#pragma once

#include <string>
#include <string_view>

namespace slotway::runtime {

// Appends `text` in quotes. Bytes that are no UTF-8 become U+FFFD each, so that the result is JSON
// whatever is in the text.
void AppendJson(std::string& out, std::string_view text);

}  // namespace slotway::runtime
