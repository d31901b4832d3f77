// SPDX-License-Identifier: Apache-2.0
// A set of slots as the cluster bus carries it: slot s is bit s & 7 of byte s / 8.
//
// A value; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/slot.h"

namespace slotway::storage::cluster {

class SlotBitmap {
 public:
  static constexpr std::size_t kBytes = protocol::kSlotCount / 8;

  SlotBitmap() { bytes_.fill(0); }
  // REQUIRES: bytes.size() == kBytes.
  explicit SlotBitmap(std::string_view bytes) { std::memcpy(bytes_.data(), bytes.data(), kBytes); }

  bool Has(protocol::Slot slot) const { return (bytes_[Byte(slot)] & Bit(slot)) != 0; }
  void Add(protocol::Slot slot) {
    bytes_[Byte(slot)] = static_cast<std::uint8_t>(bytes_[Byte(slot)] | Bit(slot));
  }
  void Drop(protocol::Slot slot) {
    bytes_[Byte(slot)] = static_cast<std::uint8_t>(bytes_[Byte(slot)] & ~Bit(slot));
  }
  void Add(const SlotBitmap& other) {
    for (std::size_t i = 0; i < kBytes; ++i) {
      bytes_[i] = static_cast<std::uint8_t>(bytes_[i] | other.bytes_[i]);
    }
  }
  void KeepOnly(const SlotBitmap& other) {
    for (std::size_t i = 0; i < kBytes; ++i) bytes_[i] &= other.bytes_[i];
  }
  bool Covers(const SlotBitmap& other) const {
    for (std::size_t i = 0; i < kBytes; ++i) {
      if ((other.bytes_[i] & ~bytes_[i]) != 0) return false;
    }
    return true;
  }
  std::uint32_t Count() const {
    std::uint32_t count = 0;
    for (std::uint8_t byte : bytes_) count += static_cast<std::uint32_t>(std::popcount(byte));
    return count;
  }
  bool Empty() const {
    for (std::uint8_t byte : bytes_) {
      if (byte != 0) return false;
    }
    return true;
  }
  bool Meets(const SlotBitmap& other) const {
    // Without a way out in the middle the compiler takes many bytes at once.
    std::uint8_t common = 0;
    for (std::size_t i = 0; i < kBytes; ++i) {
      common = static_cast<std::uint8_t>(common | (bytes_[i] & other.bytes_[i]));
    }
    return common != 0;
  }
  // Calls `visit(Slot)` for every slot of the set, ascending.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < kBytes; ++i) {
      for (unsigned left = bytes_[i]; left != 0; left &= left - 1) {
        visit(protocol::Slot(i * 8 + static_cast<std::size_t>(std::countr_zero(left))));
      }
    }
  }
  std::string_view Bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  bool operator==(const SlotBitmap&) const = default;

 private:
  static std::size_t Byte(protocol::Slot slot) {
    return static_cast<std::size_t>(protocol::ToInt(slot)) / 8;
  }
  static unsigned Bit(protocol::Slot slot) {
    return 1u << (static_cast<unsigned>(protocol::ToInt(slot)) & 7);
  }
  std::array<std::uint8_t, kBytes> bytes_;
};

}  // namespace slotway::storage::cluster
