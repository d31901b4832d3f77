// SPDX-License-Identifier: Apache-2.0
// A file descriptor that is closed when its owner forgets it. Movable; any thread.
#pragma once

#include <unistd.h>
#include <utility>

namespace slotway::runtime {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int number) : number_(number) {}
  OwnedFd(OwnedFd&& other) noexcept : number_(other.Release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    OwnedFd(std::move(other)).Swap(*this);
    return *this;
  }
  ~OwnedFd() {
    if (number_ >= 0) close(number_);
  }

  int Number() const { return number_; }
  bool IsOpen() const { return number_ >= 0; }
  // The caller closes it from now on.
  int Release() { return std::exchange(number_, -1); }

 private:
  void Swap(OwnedFd& other) { std::swap(number_, other.number_); }

  int number_ = -1;
};

}  // namespace slotway::runtime
