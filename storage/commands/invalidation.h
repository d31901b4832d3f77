// SPDX-License-Identifier: Apache-2.0
// Tells clients that track keys what of it they must no longer believe.
//
// Who has read a key hears of its next change, once; who tracks by prefixes hears of all changes
// since the last broadcast together. A RESP2 client hears nothing itself, but may have redirected
// it to a connection that listens to __redis__:invalidate. Engine thread only.
#pragma once

#include <string_view>

namespace slotway::storage {

class CommandContext;
class ServerState;

// A key has changed.
void InvalidateKey(ServerState& server, std::string_view key);
// All keys are gone.
void InvalidateAll(ServerState& server);
// To be called once per iteration of the loop, while ServerState::tracking has a broadcast.
void BroadcastInvalidations(ServerState& server);

// After a command: what of its keys its client now knows. What a script reads its caller knows.
void RememberReads(CommandContext& ctx);
// Forgets keys, and tells their readers, until there are no more than tracking-table-max-keys.
void LimitTrackedKeys(ServerState& server);

}  // namespace slotway::storage
