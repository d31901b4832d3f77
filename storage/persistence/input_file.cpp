// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/input_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace slotway::storage {

runtime::Result<std::unique_ptr<InputFile>> InputFile::Open(const std::string& name) {
  runtime::OwnedFd file(open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.IsOpen() && errno == ENOENT) return nullptr;
  struct stat status {};
  if (!file.IsOpen() || fstat(file.Number(), &status) != 0) {
    return runtime::Fail(name + ": " + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) return runtime::Fail(name + ": is a directory");
  return std::unique_ptr<InputFile>(
      new InputFile(std::move(file), static_cast<std::uint64_t>(status.st_size), name));
}

runtime::Result<std::size_t> InputFile::Read(std::span<char> buffer) {
  while (true) {
    const ssize_t count = read(file_.Number(), buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return runtime::Fail(name_ + ": " + std::strerror(errno));
  }
}

}  // namespace slotway::storage
