// SPDX-License-Identifier: Apache-2.0
// Numbers for math.random(): the same sequence on every machine for the same seed.
//
// The generator of lrand48(), as Redis's scripts have it: X' = (X * 0x5DEECE66D + 0xB) mod 2^48.
#pragma once

#include <cstdint>
#include <lua.hpp>

namespace slotway::storage {

class ScriptRandom {
 public:
  // From 0 to 2^31 - 1.
  std::uint32_t Next() {
    state_ = (state_ * 0x5DEECE66DULL + 0xB) & kMask;
    return static_cast<std::uint32_t>(state_ >> 17);
  }
  void Seed(std::int32_t seed) {
    state_ = static_cast<std::uint64_t>(static_cast<std::uint32_t>(seed)) << 16 | 0x330E;
  }

 private:
  static constexpr std::uint64_t kMask = (std::uint64_t{1} << 48) - 1;
  std::uint64_t state_ = 0x1234ABCD330EULL;
};

// math.random and math.randomseed, ended by a null row.
extern const luaL_Reg kRandomFunctions[];

}  // namespace slotway::storage
