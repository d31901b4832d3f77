// SPDX-License-Identifier: Apache-2.0
// The half of nodes_conf.h that touches the disk.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "storage/cluster/nodes_conf.h"

namespace slotway::storage::cluster {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr int kOpenTriesMax = 16;
constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;

tl::unexpected<runtime::Error> FailWithErrno(const std::string& what,
                                             const std::filesystem::path& path) {
  int error = errno;
  return Fail("cannot " + what + " " + path.string() + ": " + std::strerror(error));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int Get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::filesystem::path FolderOf(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

bool IsSameFile(int fd, const std::filesystem::path& path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void BringUpToDate(ClusterState& state, const MyAddress& address,
                   const std::array<std::uint8_t, 20>& random_bytes) {
  ClusterState::Batch batch(state);
  if (!state.HasMyself()) {
    ClusterNode me;
    me.id = NodeId::FromRandomBytes(random_bytes);
    me.flags.Set(NodeFlag::kMaster);
    state.SetMyself(state.Add(std::move(me)));
  }
  std::string ip = address.ip.empty() ? state.Myself().ip : address.ip;
  state.SetAddress(state.MyIndex(), std::move(ip), address.port, address.bus_port);
  state.SetOtherPort(state.MyIndex(), address.other_port);
  if (!address.hostname.empty()) state.SetHostname(state.MyIndex(), address.hostname);
  for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
    state.SetFlag(NodeIndex(i), NodeFlag::kSuspected, false);
    state.SetLink(NodeIndex(i), false);
  }
}

}  // namespace

Result<std::unique_ptr<NodesConfFile>> NodesConfFile::Open(std::filesystem::path path) {
  // Between open and flock the file may be replaced by its present owner: then the lock is on a
  // file that has no name any more, and the next try meets the new one.
  for (int tries = 0; tries < kOpenTriesMax; ++tries) {
    FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (fd.Get() < 0) return FailWithErrno("open", path);
    if (flock(fd.Get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        return Fail(path.string() +
                    " is in use by another server: every node needs a cluster-config-file of "
                    "its own");
      }
      return FailWithErrno("lock", path);
    }
    if (!IsSameFile(fd.Get(), path)) continue;
    return std::unique_ptr<NodesConfFile>(new NodesConfFile(std::move(path), fd.Release()));
  }
  return Fail(path.string() + " is being replaced by another server again and again");
}

NodesConfFile::~NodesConfFile() { close(lock_fd_); }

Result<std::string> NodesConfFile::Read() const {
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    ssize_t count = pread(lock_fd_, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailWithErrno("read", path_);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kFileBytesMax) return Fail(path_.string() + " is too large for a nodes.conf");
  }
}

Result<void> NodesConfFile::Write(std::string_view text) {
  std::filesystem::path next = path_;
  next += ".tmp-" + std::to_string(getpid());
  FileDescriptor fd(open(next.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.Get() < 0) return FailWithErrno("create", next);
  // The new file is locked before it gets its name, so there is no moment without a lock.
  bool is_written = flock(fd.Get(), LOCK_EX | LOCK_NB) == 0 && WriteAll(fd.Get(), text) &&
                    fsync(fd.Get()) == 0 && rename(next.c_str(), path_.c_str()) == 0;
  if (!is_written) {
    auto failure = FailWithErrno("write", next);
    unlink(next.c_str());
    return failure;
  }
  close(std::exchange(lock_fd_, fd.Release()));
  FileDescriptor folder(open(FolderOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.Get() < 0 || fsync(folder.Get()) != 0)
    return FailWithErrno("sync the folder of", path_);
  return {};
}

Result<ClusterState> LoadOrCreate(const NodesConfFile& file, const MyAddress& address,
                                  const std::array<std::uint8_t, 20>& random_bytes) {
  Result<std::string> text = file.Read();
  if (!text) return tl::unexpected(text.error());
  Result<ClusterState> state = ParseNodesConf(*text);
  if (!state) return Fail("cluster-config-file: " + state.error().text);
  BringUpToDate(*state, address, random_bytes);
  return state;
}

}  // namespace slotway::storage::cluster
