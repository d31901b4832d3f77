// SPDX-License-Identifier: Apache-2.0
// Removes a folder when this process is gone, however it ends.
//
// A small process of its own waits at a pipe that only this process holds open: SIGKILL closes it
// as well as a destructor does. To be made before other threads are started.
#pragma once

#include <filesystem>
#include <memory>
#include <sys/types.h>

#include "runtime/result.h"

namespace slotway::proxy {

class FolderJanitor {
 public:
  static runtime::Result<std::unique_ptr<FolderJanitor>> Start(const std::filesystem::path& folder);
  // Returns when the folder is removed.
  ~FolderJanitor();
  FolderJanitor(const FolderJanitor&) = delete;
  FolderJanitor& operator=(const FolderJanitor&) = delete;

 private:
  FolderJanitor(pid_t pid, int pipe_fd) : pid_(pid), pipe_fd_(pipe_fd) {}

  pid_t pid_;
  int pipe_fd_;
};

}  // namespace slotway::proxy
