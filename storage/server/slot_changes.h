// SPDX-License-Identifier: Apache-2.0
// Of the stream of changes, what concerns some slots. Engine thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/key_extraction.h"
#include "protocol/resp_request_parser.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage {

class SlotChanges {
 public:
  explicit SlotChanges(const cluster::SlotBitmap& slots) : slots_(slots) {}

  // Of one unit of the stream (see propagation.h), appended to `out`: a transaction remains one.
  // False if it cannot be told what of it belongs to the slots.
  bool Take(std::string_view unit, std::string& out);

 private:
  enum class Place : std::uint8_t { kNowhere, kInside, kOutside, kBoth };
  Place PlaceOf(const protocol::CommandSpec& spec, std::span<const std::string_view> args);
  void KeepOwnKeys(std::span<const std::string_view> args, std::string& out) const;

  cluster::SlotBitmap slots_;
  std::vector<protocol::KeyPosition> keys_;
};

}  // namespace slotway::storage
