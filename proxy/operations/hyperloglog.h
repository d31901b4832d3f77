// SPDX-License-Identifier: Apache-2.0
// The union of HyperLogLogs, from the bytes that GET returns, and its cardinality. Pure.
//
// A value is a header of 16 bytes ("HYLL", encoding, 3 unused, cached cardinality) and 16384
// registers of 6 bits, dense (packed from the low bits on) or sparse (runs):
//
//   00nnnnnn            n + 1 registers are 0
//   01nnnnnn nnnnnnnn   n + 1 registers are 0
//   1vvvvvnn            n + 1 registers are v + 1
//
// The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
// 2017), the one that Redis uses since 5.0: results are equal.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace slotway::proxy {

class HyperLogLogUnion {
 public:
  enum class Error : std::uint8_t { kNone, kNoHyperLogLog, kCorrupted };

  Error Add(std::string_view value);
  std::uint64_t Count() const;

 private:
  static constexpr std::size_t kRegisters = 16384;

  Error AddDense(std::string_view registers);
  Error AddSparse(std::string_view runs);
  void Raise(std::size_t index, std::uint8_t value);

  std::array<std::uint8_t, kRegisters> registers_{};
};

}  // namespace slotway::proxy
