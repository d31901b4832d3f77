// SPDX-License-Identifier: Apache-2.0
// How long a request of a blocking command may wait, and how to say another time.
//
// Where the time stands is a column of the command table (CommandSpec::timeout).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command.h"

namespace slotway::protocol {

struct BlockTimeout {
  std::size_t index = 0;  // of the argument
  bool is_valid = false;  // what is not is the shard's to refuse
  std::uint64_t ms = 0;   // 0: for ever
};

// Nothing if the request does not wait: no blocking command, or XREAD without BLOCK.
std::optional<BlockTimeout> FindBlockTimeout(const CommandSpec& spec,
                                             std::span<const std::string_view> args);

// The argument that means `ms`, which is not 0, in that place.
std::string FormatBlockTimeout(TimeoutPlace place, std::uint64_t ms);

}  // namespace slotway::protocol
