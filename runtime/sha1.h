// SPDX-License-Identifier: Apache-2.0
// SHA-1: a name for a text, not a protection.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace slotway::runtime {

using Sha1Digest = std::array<unsigned char, 20>;

Sha1Digest Sha1(std::string_view bytes);
// 40 lower case hexadecimal digits.
std::string HexOf(const Sha1Digest& digest);
inline std::string Sha1Hex(std::string_view bytes) { return HexOf(Sha1(bytes)); }

}  // namespace slotway::runtime
