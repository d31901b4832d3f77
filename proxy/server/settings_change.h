// SPDX-License-Identifier: Apache-2.0
// What a reload of the settings changes: at once, and what only a restart could.
//
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/proxy_config.h"

namespace slotway::proxy {

struct SettingsChange {
  config::ProxyConfig effective;           // the new settings, less what needs a restart
  std::vector<std::string> applied;        // names of settings, or of sections of them
  std::vector<std::string> needs_restart;  // these stay as they are
};

SettingsChange CompareSettings(const config::ProxyConfig& now, const config::ProxyConfig& fresh);

// Every name that can stand in a SettingsChange.
std::vector<std::string> ReloadableNames();

}  // namespace slotway::proxy
