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

}  // namespace slotway::proxy
