// SPDX-License-Identifier: Apache-2.0
#include "runtime/file_replacement.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slotway::runtime {
namespace {

std::optional<int> WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(descriptor) == 0 ? std::nullopt : std::optional<int>(errno);
}

}  // namespace

std::optional<int> ReplaceFile(const std::string& file, std::string_view text,
                               unsigned permissions) {
  struct stat old {};
  mode_t mode = stat(file.c_str(), &old) == 0 ? old.st_mode & 07777 : permissions;
  std::string temporary = file + ".rewrite." + std::to_string(getpid());
  int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (descriptor < 0) return errno;
  std::optional<int> error = WriteAll(descriptor, text);
  close(descriptor);
  if (!error && rename(temporary.c_str(), file.c_str()) != 0) error = errno;
  if (error) unlink(temporary.c_str());
  return error;
}

}  // namespace slotway::runtime
