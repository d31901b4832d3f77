// SPDX-License-Identifier: Apache-2.0
// A snapshot as SnapshotRunner drives it: all data (RdbSnapshot), or what somebody else makes of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slotway::storage {

class PacedSnapshot {
 public:
  virtual ~PacedSnapshot() = default;
  // Writes up to about `max_keys` keys. True while there is more, false when it has ended: then all
  // has been given to the sink, unless IsGivenUp().
  virtual bool Step(std::size_t max_keys) = 0;
  // Nothing more is written, and the sink is not asked any more.
  virtual void GiveUp() = 0;
  virtual bool IsGivenUp() const = 0;
  virtual std::uint64_t KeysWritten() const = 0;
  virtual std::uint64_t KeysInAll() const = 0;
};

}  // namespace slotway::storage
