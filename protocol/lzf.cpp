// SPDX-License-Identifier: Apache-2.0
#include "protocol/lzf.h"

namespace slotway::protocol {
namespace {

// One byte of input gives at most this many of output: a length that promises more is a lie.
constexpr std::size_t kExpansionMax = 264;

}  // namespace

bool LzfDecompress(std::string_view compressed, std::size_t expected_bytes, std::string& out) {
  if (expected_bytes / kExpansionMax > compressed.size()) return false;
  const std::size_t begin = out.size();
  out.reserve(begin + expected_bytes);
  std::size_t at = 0;
  auto take = [&] {
    return static_cast<std::size_t>(static_cast<unsigned char>(compressed[at++]));
  };
  while (at < compressed.size()) {
    std::size_t control = take();
    std::size_t produced = out.size() - begin;
    if (control < 32) {
      std::size_t literals = control + 1;
      if (literals > compressed.size() - at || literals > expected_bytes - produced) return false;
      out.append(compressed.substr(at, literals));
      at += literals;
      continue;
    }
    std::size_t length = control >> 5;
    if (compressed.size() - at < (length == 7 ? 2u : 1u)) return false;
    if (length == 7) length += take();
    length += 2;
    std::size_t distance = ((control & 31) << 8 | take()) + 1;
    if (distance > produced || length > expected_bytes - produced) return false;
    // Byte by byte: the copy may overlap what it writes.
    for (std::size_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
  }
  return out.size() - begin == expected_bytes;
}

}  // namespace slotway::protocol
