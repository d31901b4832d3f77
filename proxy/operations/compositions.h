// SPDX-License-Identifier: Apache-2.0
// All commands that the proxy composes of several exchanges with shards.
#pragma once

#include <span>
#include <vector>

#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

// The families; each is a constant table in a file of its own.
std::span<const Composition> ScriptCompositions();  // SCRIPT, FUNCTION

// All of them.
const std::vector<Composition>& Compositions();

}  // namespace slotway::proxy
