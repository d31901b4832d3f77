// SPDX-License-Identifier: Apache-2.0
// The dense form of a HyperLogLog: every register in six bits.
//
//   byte      0         1         2         3
//   bit       76543210  76543210  76543210  76543210
//   register  11000000  22221111  33333322  55444444     the lowest bits of each come first
//
// Eight registers are six bytes: a word that is spread to one byte for each by three shifts, and
// packed again by three. Pure; any thread. `registers` is what follows the header.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/types/hyperloglog.h"

namespace slotway::storage {

std::uint8_t HllDenseGet(std::string_view registers, std::size_t index);
// Raises a register to the place's count; false if it is as high already.
bool HllDenseRaise(std::span<char> registers, HllPlace place);

void HllDenseUnpack(std::string_view registers, HllRegisters& out);
// Raises each of `into` to what `registers` has.
void HllDenseMerge(std::string_view registers, HllRegisters& into);
// REQUIRES: no register above 63.
void HllDensePack(const HllRegisters& registers, std::span<char> out);

}  // namespace slotway::storage
