// SPDX-License-Identifier: Apache-2.0
// The first line of a script, "#!lua name=x flags=no-writes,allow-oom", and what flags mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace slotway::storage {

enum class ScriptFlag : std::uint8_t {
  kNoWrites = 1u << 0,
  kAllowOom = 1u << 1,
  kAllowStale = 1u << 2,
  kNoCluster = 1u << 3,
  kAllowCrossSlotKeys = 1u << 4,
};

// The flags of a script. Without a first line that says so (`are_declared`) a script may write, and
// is judged command by command.
struct ScriptFlags {
  std::uint8_t bits = 0;
  bool are_declared = false;

  bool Has(ScriptFlag flag) const { return (bits & static_cast<std::uint8_t>(flag)) != 0; }
  void Add(ScriptFlag flag) { bits |= static_cast<std::uint8_t>(flag); }
};

struct ScriptFlagName {
  ScriptFlag flag;
  std::string_view name;
};
// In the order in which they are listed.
std::span<const ScriptFlagName> ScriptFlagNames();
// Letters are compared as they are.
std::optional<ScriptFlag> ScriptFlagByName(std::string_view name);

// The words of a first line that begins with "#!"; quotes may hold a word together.
struct Shebang {
  std::vector<std::string> words;
  std::size_t bytes = 0;  // without the end of the line
};
// Nothing when the line has no end.
std::optional<Shebang> ReadShebang(std::string_view script);

// What EVAL makes of a script's beginning.
struct EvalHeader {
  ScriptFlags flags;
  std::size_t bytes = 0;  // to leave out when compiling; the end of the line stays, for its number
};
tl::expected<EvalHeader, std::string> ReadEvalHeader(std::string_view script);

}  // namespace slotway::storage
