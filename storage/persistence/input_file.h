// SPDX-License-Identifier: Apache-2.0
// A file that is read from its beginning to its end. One thread; waits for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "runtime/owned_fd.h"
#include "runtime/result.h"

namespace slotway::storage {

class InputFile {
 public:
  // nullptr when there is no such file.
  static runtime::Result<std::unique_ptr<InputFile>> Open(const std::string& name);

  std::uint64_t Bytes() const { return bytes_; }
  // How many bytes were read, 0 at the end.
  runtime::Result<std::size_t> Read(std::span<char> buffer);

 private:
  InputFile(runtime::OwnedFd file, std::uint64_t bytes, std::string name)
      : file_(std::move(file)), bytes_(bytes), name_(std::move(name)) {}

  runtime::OwnedFd file_;
  std::uint64_t bytes_;
  std::string name_;
};

}  // namespace slotway::storage
