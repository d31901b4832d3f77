// SPDX-License-Identifier: Apache-2.0
#include "runtime/random.h"

#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <sys/random.h>
#include <vector>

namespace slotway::runtime {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

}  // namespace

void FillWithEntropy(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    ssize_t filled = getrandom(bytes.data(), bytes.size(), 0);
    if (filled < 0 && errno == EINTR) continue;
    if (filled < 0) std::abort();  // without entropy nothing that follows would be safe
    bytes = bytes.subspan(static_cast<std::size_t>(filled));
  }
}

std::uint64_t SystemEntropy() {
  std::uint64_t value = 0;
  FillWithEntropy({reinterpret_cast<unsigned char*>(&value), sizeof value});
  return value;
}

std::string RandomHexId(std::size_t digits) {
  std::vector<unsigned char> bytes((digits + 1) / 2);
  FillWithEntropy(bytes);
  std::string id;
  for (std::size_t i = 0; i < digits; ++i) {
    unsigned nibble = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15u;
    id += kHexDigits[nibble];
  }
  return id;
}

std::uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

std::uint64_t Random::Below(std::uint64_t bound) {
  assert(bound > 0);
  // The last, incomplete run of values would favour small numbers: drawn again.
  std::uint64_t fair_below = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t drawn = Next();
  while (drawn >= fair_below) drawn = Next();
  return drawn % bound;
}

double Random::NextUnit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::string Random::HexId(std::size_t digits) {
  std::string id;
  for (std::size_t i = 0; i < digits; ++i) id += kHexDigits[Next() & 15];
  return id;
}

}  // namespace slotway::runtime
