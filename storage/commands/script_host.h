// SPDX-License-Identifier: Apache-2.0
// What commands and the server see of scripts, which stand above them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command.h"

namespace slotway::storage {

// For INFO and MEMORY STATS.
struct ScriptFacts {
  std::size_t eval_vm_bytes = 0;      // of the interpreter of EVAL
  std::size_t function_vm_bytes = 0;  // of the interpreter of functions
  std::size_t script_bytes = 0;       // cached texts, with what is kept beside them
  std::size_t function_bytes = 0;     // libraries' texts, the same way
  std::size_t scripts = 0;
  std::size_t functions = 0;
  std::size_t libraries = 0;
};

// What becomes of the libraries there are when others are restored: they go, stay, or stay unless
// one of the others has the name.
enum class FunctionRestore : std::uint8_t { kFlush, kAppend, kReplace };

class ScriptHost {
 public:
  virtual ~ScriptHost() = default;
  virtual ScriptFacts Facts() const = 0;
  // Whether this request runs a script that declares its flags, and by them is one for which there
  // has to be memory.
  virtual bool NeedsMemory(const protocol::CommandSpec& spec,
                           std::span<const std::string_view> args) const = 0;
  // Whether this request runs a script that declares its flags, and they do not say no-writes.
  virtual bool DeclaresWrites(const protocol::CommandSpec& spec,
                              std::span<const std::string_view> args) const = 0;
  // All libraries, as FUNCTION DUMP and FUNCTION RESTORE have them. False: nothing was changed.
  virtual std::string DumpFunctions() const = 0;
  virtual bool RestoreFunctions(std::string_view payload, FunctionRestore policy) = 0;
  // The script that runs, if one does, is to end: the process will.
  virtual void Abandon() = 0;
};

}  // namespace slotway::storage
