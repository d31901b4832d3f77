// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace slotway::proxy {
namespace {

namespace fs = std::filesystem;
using runtime::Fail;
using runtime::Result;

constexpr char kNodesConf[] = "nodes.conf";
constexpr char kPassword[] = "password";

tl::unexpected<runtime::Error> FailWithErrno(std::string_view what, const fs::path& path) {
  int error = errno;
  return Fail("cannot " + std::string(what) + " " + path.string() + ": " + std::strerror(error));
}

Result<fs::path> MakeTemporary() {
  std::error_code error;
  fs::path parent = fs::temp_directory_path(error);
  if (error) return Fail("there is no folder for temporary files: " + error.message());
  std::string name = (parent / "slotway-local-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return FailWithErrno("make", name);
  return fs::path(name);
}

Result<fs::path> MakeNamed(const fs::path& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  if (error) return Fail(path.string() + ": " + error.message());
  bool is_new = fs::create_directories(absolute, error);
  if (error) return Fail("cannot make " + absolute.string() + ": " + error.message());
  if (is_new) chmod(absolute.c_str(), S_IRWXU);
  return absolute;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  return text.str();
}

// The mode is set before a byte is in the file, whatever the umask or an older file's mode.
Result<void> WritePrivateFile(const fs::path& path, std::string_view text) {
  unlink(path.c_str());
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return FailWithErrno("write", path);
  while (!text.empty()) {
    ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      auto failure = FailWithErrno("write", path);
      close(fd);
      return failure;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  close(fd);
  return {};
}

}  // namespace

Result<std::unique_ptr<LocalFolder>> LocalFolder::Open(const fs::path& path) {
  Result<fs::path> made = path.empty() ? MakeTemporary() : MakeNamed(path);
  if (!made) return tl::unexpected(made.error());
  std::unique_ptr<FolderJanitor> janitor;
  if (path.empty()) {
    auto started = FolderJanitor::Start(*made);
    if (!started) return tl::unexpected(started.error());
    janitor = std::move(*started);
  }
  fs::path lock = *made / "lock";
  int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return FailWithErrno("open", lock);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return Fail(made->string() + " is in use by another slotway local");
  }
  return std::unique_ptr<LocalFolder>(new LocalFolder(*made, std::move(janitor), fd));
}

LocalFolder::~LocalFolder() { close(lock_fd_); }

fs::path LocalFolder::NodeFolder(std::size_t place) const {
  return path_ / ("node-" + std::to_string(place + 1));
}

std::vector<std::string> LocalFolder::ReadNodesConfs() const {
  std::vector<std::string> texts;
  while (true) {
    std::string text = ReadFile(NodeFolder(texts.size()) / kNodesConf);
    if (text.empty()) return texts;
    texts.push_back(std::move(text));
  }
}

std::string LocalFolder::ReadPassword() const {
  std::string text = ReadFile(path_ / kPassword);
  return text.substr(0, text.find('\n'));
}

Result<void> LocalFolder::WriteNodeFile(std::size_t place, std::string_view name,
                                        std::string_view text) const {
  fs::path folder = NodeFolder(place);
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return FailWithErrno("make", folder);
  return WritePrivateFile(folder / name, text);
}

Result<void> LocalFolder::WritePassword(std::string_view password) const {
  return WritePrivateFile(path_ / kPassword, std::string(password) + "\n");
}

}  // namespace slotway::proxy
