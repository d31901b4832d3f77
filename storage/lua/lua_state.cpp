// SPDX-License-Identifier: Apache-2.0
#include "storage/lua/lua_state.h"

#include <cstdlib>
#include <new>

namespace slotway::storage {
namespace {

// Beyond that a script fails with "not enough memory". The JSON library counts in ints, and writes
// up to six bytes for one.
constexpr std::size_t kBlockBytesMax = std::size_t{340} << 20;
constexpr int kRunsPerCollection = 50;

}  // namespace

LuaState::LuaState(ScriptEngine* owner, ScriptRandom* numbers)
    : engine(owner),
      random(numbers),
      runs_until_collection_(kRunsPerCollection),
      lua_(lua_newstate(&Allocate, this)) {
  if (lua_ == nullptr) throw std::bad_alloc();
}

LuaState::~LuaState() { lua_close(lua_); }

void LuaState::CollectSome() {
  if (--runs_until_collection_ > 0) return;
  runs_until_collection_ = kRunsPerCollection;
  lua_gc(lua_, LUA_GCSTEP, kRunsPerCollection);
}

void* LuaState::Allocate(void* state, void* block, std::size_t old_bytes, std::size_t new_bytes) {
  auto* self = static_cast<LuaState*>(state);
  if (new_bytes == 0) {
    std::free(block);
    self->bytes_ -= old_bytes;
    return nullptr;
  }
  if (new_bytes > kBlockBytesMax && new_bytes > old_bytes) return nullptr;
  void* moved = std::realloc(block, new_bytes);
  if (moved != nullptr) self->bytes_ += new_bytes - old_bytes;
  return moved;
}

}  // namespace slotway::storage
