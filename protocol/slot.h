// SPDX-License-Identifier: Apache-2.0
// Which of the 16384 slots a key belongs to.
//
// Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
#pragma once

#include <cstdint>
#include <string_view>

namespace slotway::protocol {

inline constexpr int kSlotCount = 16384;

// A hash slot, 0 to 16383. A type of its own so that it is never swapped with a node index.
enum class Slot : std::uint16_t {};

constexpr int ToInt(Slot slot) { return static_cast<int>(slot); }

// CRC-16/XMODEM of `data`: polynomial 0x1021, initial value 0, not reflected.
std::uint16_t Crc16(std::string_view data);

// The part of `key` that is hashed: what stands between the first '{' and the next '}' if that is
// not empty, else the whole key.
std::string_view HashTag(std::string_view key);

// CRC16(HashTag(key)) mod 16384.
Slot SlotOfKey(std::string_view key);

// Digits that hash to `slot`: "{" + digits + "}..." is a key of it. The first call takes some
// milliseconds.
std::string_view TagOfSlot(Slot slot);

}  // namespace slotway::protocol
