// SPDX-License-Identifier: Apache-2.0
// Writing whole pieces, and having a directory on the disk. Any thread; wait for the disk.
#pragma once

#include <string>
#include <string_view>

namespace slotway::storage {

// Each answers errno, or 0.
int WriteFully(int file, std::string_view bytes);
// The entries of the directory that `name` is in.
int SyncDirectoryOf(const std::string& name);

}  // namespace slotway::storage
