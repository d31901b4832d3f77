// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/script_request.h"

#include <algorithm>
#include <array>

#include "protocol/ascii.h"
#include "protocol/error_reply.h"

namespace slotway::proxy {
namespace {

constexpr std::array<std::string_view, 8> kRefusals = {
    "ERR Error compiling script",
    "ERR Invalid script shebang",
    "ERR Invalid engine in script shebang",
    "ERR Unexpected engine in script shebang",
    "ERR Unexpected flag in script shebang",
    "ERR Unknown lua shebang option",
    "NOPERM ",
    "NOAUTH ",
};

}  // namespace

bool RunsScript(const protocol::CommandSpec& spec) {
  return spec.categories.Has(protocol::AclCategory::kScripting) && !spec.key_specs.empty();
}

bool HasSoundKeyCount(std::span<const std::string_view> args) {
  if (args.size() < 3) return false;
  auto count = protocol::ParseInteger(args[2]);
  return count && *count >= 0 && static_cast<std::size_t>(*count) <= args.size() - 3;
}

bool IsScriptRefusal(std::string_view reply) {
  if (!reply.starts_with('-')) return false;
  std::string_view text = protocol::ErrorTextOf(reply);
  return std::any_of(kRefusals.begin(), kRefusals.end(),
                     [&](std::string_view refusal) { return text.starts_with(refusal); });
}

bool DeclaresNoWrites(std::string_view script) {
  constexpr std::string_view kFlags = " flags=";
  std::string_view line = script.substr(0, script.find('\n'));
  if (!line.starts_with("#!")) return false;
  std::size_t at = line.find(kFlags);
  if (at == std::string_view::npos) return false;
  std::string_view flags = line.substr(at + kFlags.size());
  flags = flags.substr(0, flags.find(' '));
  while (!flags.empty()) {
    std::size_t comma = std::min(flags.find(','), flags.size());
    if (flags.substr(0, comma) == "no-writes") return true;
    flags.remove_prefix(std::min(comma + 1, flags.size()));
  }
  return false;
}

bool RunsReadonlyScript(std::span<const std::string_view> args, const RequestPlan& plan,
                        ScriptMemory& scripts) {
  if (plan.script_use == ScriptUse::kNone || args.size() < 2) return false;
  if (plan.script_use == ScriptUse::kText) return DeclaresNoWrites(args[1]);
  ScriptMemory::Text text = scripts.Find(args[1]);
  return text != nullptr && DeclaresNoWrites(*text);
}

}  // namespace slotway::proxy
