// SPDX-License-Identifier: Apache-2.0
// One Lua interpreter: its memory is counted, and it knows what runs in it.
//
// C functions that Lua calls find their LuaState with Of(), which is a field read. Errors of Lua
// are long jumps: where one may be raised, no object with a destructor may be alive whose members
// live elsewhere than in Lua or in the state. Engine thread only.
#pragma once

#include <cstddef>
#include <lua.hpp>
#include <string>

namespace slotway::storage {

class ScriptEngine;
class ScriptRandom;
struct LibraryLoad;
struct ScriptRun;

class LuaState {
 public:
  LuaState() : LuaState(nullptr, nullptr) {}  // for tests of libraries: nothing runs in it
  LuaState(ScriptEngine* engine, ScriptRandom* random);
  ~LuaState();
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;

  static LuaState& Of(lua_State* lua) {
    void* state = nullptr;
    lua_getallocf(lua, &state);
    return *static_cast<LuaState*>(state);
  }

  lua_State* Lua() { return lua_; }
  std::size_t Bytes() const { return bytes_; }

  // Lua's collector goes on as memory is taken; this does a little more of its work from time to
  // time. To be called behind each run.
  void CollectSome();

  ScriptEngine* const engine;
  ScriptRandom* const random;   // what math.random() draws from
  ScriptRun* run = nullptr;     // what runs now
  LibraryLoad* load = nullptr;  // the library that is being loaded now
  std::string scratch;          // of the C function that is at work
  // Gives back what was needed once. To be called when `scratch` has been used.
  void TrimScratch() {
    if (scratch.capacity() > kScratchBytesKept) std::string().swap(scratch);
  }

 private:
  static constexpr std::size_t kScratchBytesKept = 64 * 1024;

  static void* Allocate(void* state, void* block, std::size_t old_bytes, std::size_t new_bytes);

  std::size_t bytes_ = 0;
  int runs_until_collection_;
  lua_State* lua_;
};

// Pops what was pushed since, whatever it is.
class LuaStackMark {
 public:
  explicit LuaStackMark(lua_State* lua) : lua_(lua), top_(lua_gettop(lua)) {}
  ~LuaStackMark() { lua_settop(lua_, top_); }
  LuaStackMark(const LuaStackMark&) = delete;
  LuaStackMark& operator=(const LuaStackMark&) = delete;

 private:
  lua_State* lua_;
  int top_;
};

}  // namespace slotway::storage
