// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/script_flags.h"

#include <algorithm>

#include "protocol/resp_request_parser.h"

namespace slotway::storage {
namespace {

constexpr ScriptFlagName kFlags[] = {{ScriptFlag::kNoWrites, "no-writes"},
                                     {ScriptFlag::kAllowOom, "allow-oom"},
                                     {ScriptFlag::kAllowStale, "allow-stale"},
                                     {ScriptFlag::kNoCluster, "no-cluster"},
                                     {ScriptFlag::kAllowCrossSlotKeys, "allow-cross-slot-keys"}};

// Adds the flags of "a,b"; the error names the first that there is not.
tl::expected<void, std::string> AddFlags(std::string_view list, ScriptFlags& flags) {
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    const auto flag = ScriptFlagByName(name);
    if (!flag) {
      return tl::unexpected("ERR Unexpected flag in script shebang: " + std::string(name));
    }
    flags.Add(*flag);
    if (name.size() == list.size()) return {};
    list.remove_prefix(name.size() + 1);
  }
  return {};
}

}  // namespace

std::span<const ScriptFlagName> ScriptFlagNames() { return kFlags; }

std::optional<ScriptFlag> ScriptFlagByName(std::string_view name) {
  for (const ScriptFlagName& row : kFlags) {
    if (row.name == name) return row.flag;
  }
  return std::nullopt;
}

std::optional<Shebang> ReadShebang(std::string_view script) {
  // A zero ends the text, as it does where these lines come from.
  const auto end = script.find('\n');
  if (end == std::string_view::npos || script.find('\0') < end) return std::nullopt;
  Shebang shebang;
  shebang.bytes = end;
  // Words and quotes are those of a command that is typed in.
  protocol::RespRequestParser parser;
  if (parser.Parse(script.substr(0, end + 1)) == protocol::RespRequestParser::Status::kRequest) {
    shebang.words.assign(parser.Args().begin(), parser.Args().end());
  }
  return shebang;
}

tl::expected<EvalHeader, std::string> ReadEvalHeader(std::string_view script) {
  EvalHeader header;
  if (!script.starts_with("#!")) return header;
  const auto shebang = ReadShebang(script);
  if (!shebang) return tl::unexpected<std::string>("ERR Invalid script shebang");
  if (shebang->words.empty())
    return tl::unexpected<std::string>("ERR Invalid engine in script shebang");
  const std::string& engine = shebang->words.front();
  if (engine != "#!lua") {
    return tl::unexpected("ERR Unexpected engine in script shebang: " + engine);
  }
  header.flags.are_declared = true;
  header.bytes = shebang->bytes;
  for (std::size_t i = 1; i < shebang->words.size(); ++i) {
    constexpr std::string_view kOption = "flags=";
    const std::string_view word = shebang->words[i];
    if (!word.starts_with(kOption)) {
      return tl::unexpected("ERR Unknown lua shebang option: " + std::string(word));
    }
    if (auto added = AddFlags(word.substr(kOption.size()), header.flags); !added) {
      return tl::unexpected(added.error());
    }
  }
  return header;
}

}  // namespace slotway::storage
