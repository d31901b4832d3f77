// SPDX-License-Identifier: Apache-2.0
// What is wrong with a settings file, and where.
//
// A plain value. Every reader of this layer reports through it, so a user always sees
// "file:line: text".
#pragma once

#include <string>

namespace slotway::config {

struct ConfigError {
  std::string file;  // as the user named it; empty when the setting came from elsewhere
  int line = 0;      // 1-based; 0 when there is no line to point at
  std::string text;

  // "proxy.yaml:12: unknown setting 'foo'"; parts that are not known are left out.
  std::string Render() const;
};

}  // namespace slotway::config
