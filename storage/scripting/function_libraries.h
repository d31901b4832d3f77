// SPDX-License-Identifier: Apache-2.0
// The libraries that FUNCTION LOAD has brought, and their functions by name.
//
// A library's functions live in the one interpreter of functions. Names of libraries are compared
// as they are, names of functions without case. Engine thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "storage/commands/script_host.h"
#include "storage/lua/lua_state.h"
#include "storage/scripting/script_flags.h"

namespace slotway::storage {

struct ScriptFunction {
  std::string name;
  std::optional<std::string> description;
  ScriptFlags flags;
  int function = 0;  // in Lua's registry
};

struct FunctionLibrary {
  FunctionLibrary(LuaState& lua_state, std::string_view library_name, std::string_view text)
      : state(lua_state), name(library_name), code(text) {}
  ~FunctionLibrary();
  FunctionLibrary(const FunctionLibrary&) = delete;
  FunctionLibrary& operator=(const FunctionLibrary&) = delete;

  LuaState& state;
  std::string name;
  std::string code;  // with its first line
  std::map<std::string, ScriptFunction, std::less<>> functions;
};

// A set of libraries in which no two functions have one name. What fails leaves it as it was.
class LibrarySet {
 public:
  using Libraries = std::map<std::string, std::unique_ptr<FunctionLibrary>, std::less<>>;

  const Libraries& All() const { return libraries_; }
  std::size_t FunctionCount() const { return functions_.size(); }
  const ScriptFunction* FindFunction(std::string_view name) const;
  bool Contains(std::string_view library) const { return libraries_.contains(library); }

  // Adds one, in the place of the library of its name, if there is one; the error says which
  // function is there already.
  tl::expected<void, std::string> Put(std::unique_ptr<FunctionLibrary> library);
  // Takes over all libraries of the other set.
  tl::expected<void, std::string> Join(LibrarySet other, bool replaces);
  // False if there is none.
  bool Remove(std::string_view library);

 private:
  struct LessNoCase {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };

  std::unique_ptr<FunctionLibrary> Take(std::string_view library);
  void Link(std::unique_ptr<FunctionLibrary> library);

  Libraries libraries_;
  std::map<std::string, const ScriptFunction*, LessNoCase> functions_;
};

class FunctionLibraries {
 public:
  explicit FunctionLibraries(ScriptEngine& engine);

  LuaState& State() { return *state_; }
  const LibrarySet& Current() const { return current_; }

  // Compiles a library and puts it into the current set; its name, or an answer that is an error.
  tl::expected<std::string, std::string> Load(std::string_view code, bool replaces);
  bool Remove(std::string_view library) { return current_.Remove(library); }
  void Flush() { current_ = LibrarySet(); }
  // FUNCTION DUMP's and FUNCTION RESTORE's payload.
  std::string Dump() const;
  // The error is an answer.
  tl::expected<void, std::string> Restore(std::string_view payload, FunctionRestore policy);
  void AddFacts(ScriptFacts& facts) const;

 private:
  tl::expected<std::string, std::string> LoadInto(LibrarySet& set, std::string_view code,
                                                  bool replaces);

  std::unique_ptr<LuaState> state_;
  LibrarySet current_;
};

}  // namespace slotway::storage
