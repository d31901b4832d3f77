// SPDX-License-Identifier: Apache-2.0
// All commands that the proxy composes of several exchanges with shards.
#pragma once

#include <span>
#include <vector>

#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

// The families; each is a constant table in a file of its own.
std::span<const Composition> ScriptCompositions();  // SCRIPT, FUNCTION
std::vector<Composition> BlockingCompositions();     // all that block on keys, from their rows
std::span<const Composition> WaitCompositions();     // WAIT, WAITAOF

// All of them.
const std::vector<Composition>& Compositions();

}  // namespace slotway::proxy
