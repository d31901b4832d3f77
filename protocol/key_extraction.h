// SPDX-License-Identifier: Apache-2.0
// Which arguments of a request are keys, and what happens to them.
//
// Routing and ACLs use this one extraction: two extractors would be a bypass. Follows a row's key
// specs; functions cover the few commands that specs cannot express (SORT ... STORE, MIGRATE,
// EVAL family, XREAD with a group named STREAMS, ...).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/command.h"

namespace slotway::protocol {

struct KeyPosition {
  std::uint32_t index;  // into the request's arguments
  FlagSet<KeyFlag> flags;
};

enum class KeyExtractionError {
  kNone,
  kInvalid,  // the arguments do not fit the specs: "ERR Invalid arguments specified for command"
};

// Appends the keys of the request to `out` (cleared first). Arity must fit.
KeyExtractionError ExtractKeys(const CommandSpec& spec, std::span<const std::string_view> args,
                               std::vector<KeyPosition>& out);

// The first key alone, without building a list: what routing needs for single-slot commands.
std::optional<std::uint32_t> FirstKeyIndex(const CommandSpec& spec,
                                           std::span<const std::string_view> args);

}  // namespace slotway::protocol
