// SPDX-License-Identifier: Apache-2.0
// Makes LZF of strings: see lzf.h for the form. One thread at a time; holds its table of positions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::storage {

class LzfCompressor {
 public:
  // Appends what `text` is compressed to `out`; false, and nothing is appended, unless that is at
  // least four bytes shorter.
  bool Compress(std::string_view text, std::string& out);

 private:
  static constexpr int kTableBits = 13;

  // Where the three bytes with this hash stood last, counted over all texts since the last time it
  // was cleared: so it need not be cleared for each.
  std::array<std::uint32_t, std::size_t{1} << kTableBits> last_seen_{};
  std::uint32_t base_ = 1;
};

}  // namespace slotway::storage
