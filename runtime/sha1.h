// SPDX-License-Identifier: Apache-2.0
// SHA-1 as 40 lower case hexadecimal digits: a name for a text, not a protection.
#pragma once

#include <string>
#include <string_view>

namespace slotway::runtime {

std::string Sha1Hex(std::string_view bytes);

}  // namespace slotway::runtime
