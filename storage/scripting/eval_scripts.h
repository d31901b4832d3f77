// SPDX-License-Identifier: Apache-2.0
// The scripts that EVAL and SCRIPT LOAD have left: by digest, compiled. Engine thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>

#include "storage/commands/script_host.h"
#include "storage/lua/lua_state.h"
#include "storage/scripting/script_flags.h"

namespace slotway::storage {

struct EvalScript {
  int function = 0;  // in Lua's registry
  ScriptFlags flags;
  std::size_t bytes = 0;  // of its text
};

class EvalScripts {
 public:
  static constexpr std::size_t kDigestBytes = 40;
  using Entry = std::pair<const std::string, EvalScript>;  // digest, script

  explicit EvalScripts(ScriptEngine& engine);

  LuaState& State() { return *state_; }
  // By the digest in whatever case; nullptr if there is none. Valid until Flush().
  const Entry* Find(std::string_view digest) const;
  // Finds or compiles a script; the error is an answer.
  tl::expected<const Entry*, std::string> Add(std::string_view text);
  // Forgets all scripts, and all that they have left in Lua.
  void Flush();
  void AddFacts(ScriptFacts& facts) const;

 private:
  ScriptEngine& engine_;
  std::unique_ptr<LuaState> state_;
  std::unordered_map<std::string, EvalScript> scripts_;
  std::size_t text_bytes_ = 0;
  mutable std::string digest_;  // that is looked for
};

}  // namespace slotway::storage
