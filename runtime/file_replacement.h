// SPDX-License-Identifier: Apache-2.0
// Giving a file new content at once or not at all. Any thread; waits for the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slotway::runtime {

// Keeps the permissions of the file that is there; a new one gets `permissions`. Answers errno.
std::optional<int> ReplaceFile(const std::string& file, std::string_view text,
                               unsigned permissions = 0644);

}  // namespace slotway::runtime
