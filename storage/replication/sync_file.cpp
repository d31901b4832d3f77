// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/sync_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "storage/persistence/file_sync.h"

namespace slotway::storage {

runtime::Result<std::unique_ptr<SyncFile>> SyncFile::Create(const std::string& directory) {
  const std::string name = directory + "/temp-sync-" + std::to_string(::getpid()) + ".rdb";
  runtime::OwnedFd file(
      ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.IsOpen() || ::unlink(name.c_str()) != 0) {
    return runtime::Fail(name + ": " + std::strerror(errno));
  }
  return std::unique_ptr<SyncFile>(new SyncFile(std::move(file)));
}

bool SyncFile::Write(std::string_view bytes) {
  if (const int error = WriteFully(file_.Number(), bytes)) {
    error_ = std::string("cannot keep the data set on the disk: ") + std::strerror(error);
    return false;
  }
  bytes_ += bytes.size();
  return true;
}

std::string_view SyncFile::Read(std::span<char> buffer) {
  const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), bytes_ - read_);
  const ssize_t count = ::pread(file_.Number(), buffer.data(), wanted, static_cast<off_t>(read_));
  if (count <= 0) {
    error_ = std::string("cannot read the data set: ") + std::strerror(count < 0 ? errno : EIO);
    return {};
  }
  read_ += static_cast<std::uint64_t>(count);
  return {buffer.data(), static_cast<std::size_t>(count)};
}

}  // namespace slotway::storage
