// SPDX-License-Identifier: Apache-2.0
// What a listener's mode and face make of single commands: refused, or run under another name.
//
// Immutable tables over the command table; any thread.
#pragma once

#include <string_view>

#include "config/proxy_config.h"
#include "protocol/command_table.h"

namespace slotway::proxy {

struct ListenerRule {
  std::string_view refusal;           // an error text; empty: not refused
  bool is_refused_when_run = false;  // in a transaction it is queued, and EXEC tells the refusal
  const protocol::CommandSpec* instead = nullptr;  // the command that takes its place
};

// Whether any command is treated differently here than on a plain listener.
bool HasListenerRules(const config::ListenerConfig& listener);

// A read-only listener refuses writes and runs scripts as their read-only kin, so that a shard
// refuses what they write; a standalone one knows nothing of clusters.
ListenerRule ListenerRuleOf(const config::ListenerConfig& listener, protocol::CommandId command);

}  // namespace slotway::proxy
