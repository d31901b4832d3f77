// SPDX-License-Identifier: Apache-2.0
// Which nodes may answer a read, and which of them this time.
#pragma once

#include <cstdint>

#include "config/proxy_config.h"

namespace slotway::proxy {

class ReadChoice {
 public:
  constexpr ReadChoice() = default;  // the master
  // Reads of the same turn go to the same node as long as the choice is the same.
  constexpr ReadChoice(config::ReadPolicy policy, std::uint32_t turn)
      : policy_(static_cast<std::uint8_t>(policy)),
        turn_(static_cast<std::uint8_t>(turn % kTurns)) {}

  constexpr config::ReadPolicy Policy() const { return static_cast<config::ReadPolicy>(policy_); }
  constexpr std::size_t Turn() const { return turn_; }

 private:
  // Divided by 2, 3, 4, 5 and 6 without a rest: as many turns for each of so many replicas.
  static constexpr std::uint32_t kTurns = 60;

  std::uint8_t policy_ : 2 = 0;
  std::uint8_t turn_ : 6 = 0;
};
static_assert(sizeof(ReadChoice) == 1);

}  // namespace slotway::proxy
