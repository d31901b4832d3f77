// SPDX-License-Identifier: Apache-2.0
// What clients see that sent MONITOR: every command that ran, but those of admins. Engine thread
// only.
#pragma once

namespace slotway::storage {

class CommandContext;
class ServerState;
struct ClientState;

void FeedMonitors(CommandContext& ctx);
// The same before it runs, whatever its flags say: a script stands before what it calls.
void ShowToMonitors(CommandContext& ctx);
// Nothing happens if the client does not monitor.
void StopMonitoring(ServerState& server, ClientState& client);

}  // namespace slotway::storage
