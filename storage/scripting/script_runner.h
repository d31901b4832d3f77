// SPDX-License-Identifier: Apache-2.0
// The language of the script tests: a CommandRunner that has scripts.
#pragma once

#include <string>
#include <utility>

#include "storage/commands/command_runner.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_handlers.h"

namespace slotway::storage {

class ScriptRunner : public CommandRunner {
 public:
  explicit ScriptRunner(config::ShardConfig settings = {})
      : CommandRunner(std::move(settings)), engine_(State()) {
    AddHandlers(&AddScriptHandlers);
  }

  // EVAL of a script without keys and arguments.
  std::string Eval(const std::string& script) { return Run({"eval", script, "0"}); }
  ScriptEngine& Engine() { return engine_; }

 private:
  ScriptEngine engine_;
};

}  // namespace slotway::storage
