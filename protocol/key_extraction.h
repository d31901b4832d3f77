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

// Appends the keys of the request to `out` (cleared first; left empty on an error). Shard channels
// are no keys. Arity that does not fit is an error too.
KeyExtractionError ExtractKeys(const CommandSpec& spec, std::span<const std::string_view> args,
                               std::vector<KeyPosition>& out);

// The channels of SPUBLISH, SSUBSCRIBE, SUNSUBSCRIBE, which are routed by their slots like keys;
// nothing for other commands.
KeyExtractionError ExtractShardChannels(const CommandSpec& spec,
                                        std::span<const std::string_view> args,
                                        std::vector<KeyPosition>& out);

// FirstKeyIndex() of commands whose first key has no fixed place.
std::optional<std::uint32_t> FindFirstKeyIndex(const CommandSpec& spec,
                                               std::span<const std::string_view> args);

// The first key alone, without building a list: what routing needs for single-slot commands. Does
// not tell whether the rest of the request is valid.
inline std::optional<std::uint32_t> FirstKeyIndex(const CommandSpec& spec,
                                                  std::span<const std::string_view> args) {
  if (spec.fixed_first_key > 0) [[likely]] {
    auto index = static_cast<std::uint32_t>(spec.fixed_first_key);
    return index < args.size() ? std::optional(index) : std::nullopt;
  }
  if (spec.key_specs.empty()) return std::nullopt;
  return FindFirstKeyIndex(spec, args);
}

}  // namespace slotway::protocol
