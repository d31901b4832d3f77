// SPDX-License-Identifier: Apache-2.0
// LZF, the compression of strings in RDB files. Only reading: we write strings as they are.
//
//   000lllll            l + 1 literal bytes follow
//   lllooooo o          copy l + 2 bytes (1 <= l <= 6) from o + 1 bytes back
//   111ooooo l o        copy l + 9 bytes from o + 1 bytes back
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slotway::protocol {

// Appends what `compressed` holds to `out`. False unless it is well-formed and has exactly
// `expected_bytes` bytes.
bool LzfDecompress(std::string_view compressed, std::size_t expected_bytes, std::string& out);

}  // namespace slotway::protocol
