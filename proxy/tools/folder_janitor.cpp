// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/folder_janitor.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace slotway::proxy {
namespace {

// Processes that die together with the parent may write a last file meanwhile.
constexpr int kTriesMax = 100;
constexpr useconds_t kTryIntervalUs = 20000;

[[noreturn]] void WaitAndRemove(int pipe_fd, const std::filesystem::path& folder) {
  setpgid(0, 0);  // a Ctrl-C is for the parent
  prctl(PR_SET_NAME, "slotway-janitor");
  // Whoever reads the parent's output must not wait for this process.
  int null_fd = open("/dev/null", O_RDWR);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null_fd, fd);
  close_range(3, static_cast<unsigned>(pipe_fd) - 1, 0);
  close_range(static_cast<unsigned>(pipe_fd) + 1, ~0u, 0);

  char byte;
  while (read(pipe_fd, &byte, 1) < 0 && errno == EINTR) {
  }
  std::error_code error;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    std::filesystem::remove_all(folder, error);
    if (!error && !std::filesystem::exists(folder, error)) break;
    usleep(kTryIntervalUs);
  }
  _exit(0);
}

}  // namespace

runtime::Result<std::unique_ptr<FolderJanitor>> FolderJanitor::Start(
    const std::filesystem::path& folder) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return runtime::Fail(std::string("pipe: ") + std::strerror(errno));
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[1]);
    WaitAndRemove(ends[0], folder);
  }
  int error = errno;
  close(ends[0]);
  if (pid < 0) {
    close(ends[1]);
    return runtime::Fail(std::string("fork: ") + std::strerror(error));
  }
  return std::unique_ptr<FolderJanitor>(new FolderJanitor(pid, ends[1]));
}

FolderJanitor::~FolderJanitor() {
  close(pipe_fd_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace slotway::proxy
