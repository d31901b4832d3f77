// SPDX-License-Identifier: Apache-2.0
// The data set of a master on its way over the disk: written as it comes, read when it is whole.
// Has no name, so that nothing is left of it however the process ends. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/owned_fd.h"
#include "runtime/result.h"

namespace slotway::storage {

class SyncFile {
 public:
  static runtime::Result<std::unique_ptr<SyncFile>> Create(const std::string& directory);

  // False when the disk does not take it: see errno's text in Error().
  bool Write(std::string_view bytes);
  std::uint64_t Bytes() const { return bytes_; }
  // What was written beyond that does not belong to it; reading begins at the front.
  void EndAt(std::uint64_t bytes) { bytes_ = bytes; }
  // The next bytes; empty at the end, and when they cannot be read.
  std::string_view Read(std::span<char> buffer);
  bool IsAtEnd() const { return read_ >= bytes_; }
  const std::string& Error() const { return error_; }

 private:
  explicit SyncFile(runtime::OwnedFd file) : file_(std::move(file)) {}

  runtime::OwnedFd file_;
  std::uint64_t bytes_ = 0;
  std::uint64_t read_ = 0;
  std::string error_;
};

}  // namespace slotway::storage
