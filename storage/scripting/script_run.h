// SPDX-License-Identifier: Apache-2.0
// One run of a script or function, from EVAL's or FCALL's beginning to its end.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/scripting/script_flags.h"

namespace slotway::storage {

// What is to be run.
struct ScriptCall {
  int function = 0;       // in Lua's registry
  std::string_view name;  // as errors call it: a digest, or a function's name
  ScriptFlags flags;
  bool is_eval = true;
  bool is_read_only = false;  // asked for by EVAL_RO and its like
  std::span<const std::string_view> keys;
  std::span<const std::string_view> args;
};

struct ScriptRun {
  static constexpr int kNoSlot = -1;

  CommandContext& caller;
  const ScriptCall& call;
  std::uint64_t started_ns = 0;
  bool is_read_only = false;
  bool allows_oom = false;
  bool allows_cross_slot = false;
  bool began_over_memory = false;
  bool has_written = false;  // it can no longer be killed
  bool is_late = false;      // others are told that we are busy
  bool is_killed = false;
  int slot = kNoSlot;  // of its keys, in cluster mode
};

}  // namespace slotway::storage
