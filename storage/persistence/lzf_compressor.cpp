// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/lzf_compressor.h"

#include <algorithm>
#include <limits>

namespace slotway::storage {
namespace {

constexpr std::size_t kLiteralsMax = 32;
constexpr std::size_t kDistanceMax = 8192;
constexpr std::size_t kMatchMin = 3;
constexpr std::size_t kMatchMax = 264;
constexpr std::size_t kShortMatchMax = 8;
constexpr std::size_t kGainMin = 4;

std::uint32_t ThreeBytes(const unsigned char* at) {
  return static_cast<std::uint32_t>(at[0]) << 16 | static_cast<std::uint32_t>(at[1]) << 8 | at[2];
}

void AppendLiterals(std::string_view literals, std::string& out) {
  while (!literals.empty()) {
    const std::string_view run = literals.substr(0, kLiteralsMax);
    out.push_back(static_cast<char>(run.size() - 1));
    out.append(run);
    literals.remove_prefix(run.size());
  }
}

void AppendMatch(std::size_t distance, std::size_t length, std::string& out) {
  const std::size_t back = distance - 1;
  if (length <= kShortMatchMax) {
    out.push_back(static_cast<char>((length - 2) << 5 | back >> 8));
  } else {
    out.push_back(static_cast<char>(7 << 5 | back >> 8));
    out.push_back(static_cast<char>(length - 2 - 7));
  }
  out.push_back(static_cast<char>(back & 0xff));
}

}  // namespace

bool LzfCompressor::Compress(std::string_view text, std::string& out) {
  constexpr std::size_t kTextMax = std::size_t{1} << 30;
  if (text.size() <= kGainMin || text.size() > kTextMax) return false;
  if (text.size() >= std::numeric_limits<std::uint32_t>::max() - base_) {
    last_seen_.fill(0);
    base_ = 1;
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t begin = out.size();
  const std::size_t bytes_max = text.size() - kGainMin;
  std::size_t literals_from = 0;
  std::size_t at = 0;
  while (at + kMatchMin <= text.size()) {
    const std::uint32_t three = ThreeBytes(bytes + at);
    std::uint32_t& seen = last_seen_[three * 2654435761u >> (32 - kTableBits)];
    const std::uint32_t before = seen;
    seen = base_ + static_cast<std::uint32_t>(at);
    const std::size_t candidate = before - base_;
    const bool is_match =
        before >= base_ && at - candidate <= kDistanceMax && ThreeBytes(bytes + candidate) == three;
    if (!is_match) {
      ++at;
      continue;
    }
    const std::size_t length_max = std::min(kMatchMax, text.size() - at);
    std::size_t length = kMatchMin;
    while (length < length_max && bytes[candidate + length] == bytes[at + length]) ++length;
    AppendLiterals(text.substr(literals_from, at - literals_from), out);
    AppendMatch(at - candidate, length, out);
    at += length;
    literals_from = at;
    if (out.size() - begin > bytes_max) break;
  }
  base_ += static_cast<std::uint32_t>(text.size());
  AppendLiterals(text.substr(literals_from), out);
  if (out.size() - begin <= bytes_max) return true;
  out.resize(begin);
  return false;
}

}  // namespace slotway::storage
