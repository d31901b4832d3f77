// SPDX-License-Identifier: Apache-2.0
// The files of the console's page, as they are in this folder. Immutable; any thread.
#pragma once

#include <span>
#include <string_view>

namespace slotway::proxy {

struct ConsoleFile {
  std::string_view name;  // "console.html"
  std::string_view content;
};

std::span<const ConsoleFile> ConsoleFiles();

}  // namespace slotway::proxy
