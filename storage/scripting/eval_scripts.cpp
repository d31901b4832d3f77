// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/eval_scripts.h"

#include "protocol/ascii.h"
#include "runtime/sha1.h"
#include "storage/lua/lua_sandbox.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_environment.h"

namespace slotway::storage {

EvalScripts::EvalScripts(ScriptEngine& engine) : engine_(engine) { Flush(); }

const EvalScripts::Entry* EvalScripts::Find(std::string_view digest) const {
  digest_.assign(digest);
  for (char& c : digest_) c = protocol::ToLowerAscii(c);
  const auto found = scripts_.find(digest_);
  return found != scripts_.end() ? &*found : nullptr;
}

tl::expected<const EvalScripts::Entry*, std::string> EvalScripts::Add(std::string_view text) {
  std::string digest = runtime::Sha1Hex(text);
  if (const auto found = scripts_.find(digest); found != scripts_.end()) return &*found;
  const auto header = ReadEvalHeader(text);
  if (!header) return tl::unexpected(header.error());
  lua_State* lua = state_->Lua();
  if (CompileText(lua, text.substr(header->bytes), "@user_script") != 0) {
    std::string error = "ERR Error compiling script (new function): ";
    error += lua_tostring(lua, -1);
    lua_pop(lua, 1);
    return tl::unexpected(std::move(error));
  }
  text_bytes_ += text.size();
  const EvalScript script{luaL_ref(lua, LUA_REGISTRYINDEX), header->flags, text.size()};
  return &*scripts_.emplace(std::move(digest), script).first;
}

void EvalScripts::Flush() {
  scripts_.clear();
  text_bytes_ = 0;
  state_ = std::make_unique<LuaState>(&engine_, &engine_.Random());
  OpenEvalEnvironment(state_->Lua());
}

void EvalScripts::AddFacts(ScriptFacts& facts) const {
  constexpr std::size_t kBytesBeside = sizeof(Entry) + kDigestBytes + 2 * sizeof(void*);
  facts.eval_vm_bytes = state_->Bytes();
  facts.scripts = scripts_.size();
  facts.script_bytes = text_bytes_ + scripts_.size() * kBytesBeside;
}

}  // namespace slotway::storage
