// SPDX-License-Identifier: Apache-2.0
// What stands between the values of an RDB file.
//
//   "REDIS", four digits: the version
//   any of   aux (two strings), function library (its text), select db (index),
//            resize db (keys, keys with a TTL), and keys:
//            [expire in ms | in s] [idle seconds | frequency] type key value
//   end of file, u64 CRC-64 of all before (0: not computed)
// Everything but a key's type begins with an opcode. Source: the RDB format as Redis 7 writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::storage {

enum class RdbOpcode : std::uint8_t {
  kFunction = 245,
  kFunctionOfCandidate = 246,  // of release candidates of Redis 7.0
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResizeDb = 251,
  kExpireMs = 252,
  kExpireSeconds = 253,
  kSelectDb = 254,
  kEnd = 255,
};

inline constexpr std::string_view kRdbMagic = "REDIS";
inline constexpr std::size_t kRdbHeaderBytes = 9;
inline constexpr std::size_t kRdbChecksumBytes = 8;

struct RdbAux {
  std::string name;
  std::string value;
};

}  // namespace slotway::storage
