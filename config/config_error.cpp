// SPDX-License-Identifier: Apache-2.0
#include "config/config_error.h"

namespace slotway::config {

std::string ConfigError::Render() const {
  std::string rendered = file;
  if (line > 0) rendered += (rendered.empty() ? "line " : ":") + std::to_string(line);
  if (!rendered.empty()) rendered += ": ";
  return rendered + text;
}

}  // namespace slotway::config
