// SPDX-License-Identifier: Apache-2.0
// SHA-1: a name for a text, not a protection.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace slotway::runtime {

using Sha1Digest = std::array<unsigned char, 20>;

Sha1Digest Sha1(std::string_view bytes);
// Two lower case hexadecimal digits for each byte: 40 of such a digest.
std::string HexOf(std::span<const unsigned char> digest);
inline std::string Sha1Hex(std::string_view bytes) { return HexOf(Sha1(bytes)); }

}  // namespace slotway::runtime
