// SPDX-License-Identifier: Apache-2.0
// Who was sent away before it was anybody: a line in the log now and then, however many they are.
//
// Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/log.h"
#include "runtime/socket_address.h"

namespace slotway::proxy {

class Intruders {
 public:
  void Note(const runtime::SocketAddress& peer, std::string_view reason) {
    if (count_++ == 0) first_ = peer.ToString() + ": " + std::string(reason);
  }
  // Call it once a second.
  void Tell() {
    if (const std::uint64_t count = std::exchange(count_, 0); count == 1) {
      runtime::LogInfo("a client was turned away: {}", first_);
    } else if (count > 1) {
      runtime::LogWarning("{} clients were turned away within a second, the first was {}", count, first_);
    }
  }

 private:
  std::uint64_t count_ = 0;
  std::string first_;
};

}  // namespace slotway::proxy
