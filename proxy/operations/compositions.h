// SPDX-License-Identifier: Apache-2.0
// All commands that the proxy composes of several exchanges with shards.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

// The families; each is a constant table in a file of its own.
std::span<const Composition> ScriptCompositions();    // SCRIPT, FUNCTION KILL
std::span<const Composition> FunctionCompositions();  // FUNCTION
std::vector<Composition> BlockingCompositions();     // all that block on keys, from their rows
std::span<const Composition> WaitCompositions();     // WAIT, WAITAOF
std::span<const Composition> KeyspaceCompositions();  // SCAN, RANDOMKEY, CLUSTER ...INSLOT
std::span<const Composition> JoinedCompositions();    // fan-outs with joins of their own
std::span<const Composition> DebugCompositions();     // DEBUG
std::span<const Composition> ConfigCompositions();    // CONFIG SET
std::span<const Composition> ConfigGetCompositions();  // CONFIG GET
std::span<const Composition> CrossSlotReads();        // SUNION, ZINTER, PFCOUNT, ...
std::span<const Composition> CrossSlotStreams();      // XREAD
std::span<const Composition> CrossSlotStores();       // SUNIONSTORE, BITOP, SORT ... STORE, ...
std::span<const Composition> CrossSlotMoves();        // RENAME, COPY, SMOVE, LMOVE, ...

// All of them.
const std::vector<Composition>& Compositions();

// What single files bring to the tables.
void StartPatternSort(const OperationContext& context);
void StartScan(const OperationContext& context);
void StartConfigSet(const OperationContext& context);
// With these values instead of the shard's, by the names of settings.
using OwnSettings = std::map<std::string, std::string>;
void StartConfigGet(const OperationContext& context, const OwnSettings& own);
void StartRandomKey(const OperationContext& context);

}  // namespace slotway::proxy
