// SPDX-License-Identifier: Apache-2.0
// Takes an array reply apart into its encoded elements, and reads integer replies: what joining
// several shards' replies needs. Pure; never trusts its input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::protocol {

// Appends views of the encoded elements of a complete array, set or push reply to `out`. False if
// `reply` is none of these or is malformed.
bool SplitArray(std::string_view reply, std::vector<std::string_view>& out);

// The value of a complete integer reply, ":12\r\n".
std::optional<std::int64_t> ParseIntegerReply(std::string_view reply);

// Appends a RESP3 push of strings as RESP2 has it: an array.
void AppendPushAsArray(std::string_view push, std::string& out);

// Appends the header of an array of `count` elements.
void AppendArrayHeader(std::size_t count, std::string& out);

}  // namespace slotway::protocol
