// SPDX-License-Identifier: Apache-2.0
// SHA-256, in digits.
#pragma once

#include <string>
#include <string_view>

namespace slotway::runtime {

// 64 lower case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace slotway::runtime
