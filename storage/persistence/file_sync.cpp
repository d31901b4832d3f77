// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/file_sync.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/owned_fd.h"

namespace slotway::storage {

int WriteFully(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int SyncDirectoryOf(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : name.substr(0, slash + 1);
  const runtime::OwnedFd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.IsOpen()) return errno;
  return fsync(opened.Number()) == 0 ? 0 : errno;
}

}  // namespace slotway::storage
