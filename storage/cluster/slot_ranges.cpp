// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_ranges.h"

#include <charconv>

namespace slotway::storage::cluster {
namespace {

std::optional<std::uint16_t> SlotNumber(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number >= protocol::kSlotCount) return std::nullopt;
  return number;
}

}  // namespace

std::optional<SlotRanges> ParseRanges(std::span<const std::string_view> bounds) {
  if (bounds.empty() || bounds.size() % 2 != 0) return std::nullopt;
  SlotRanges ranges;
  for (std::size_t i = 0; i < bounds.size(); i += 2) {
    const auto first = SlotNumber(bounds[i]);
    const auto last = SlotNumber(bounds[i + 1]);
    if (!first || !last || *first > *last) return std::nullopt;
    ranges.push_back({*first, *last});
  }
  return ranges;
}

std::string FormatRanges(const SlotRanges& ranges) {
  std::string text;
  for (const SlotRange& range : ranges) {
    if (!text.empty()) text += ' ';
    text += std::to_string(range.first) + '-' + std::to_string(range.last);
  }
  return text;
}

std::vector<std::string> BoundsOf(const SlotRanges& ranges) {
  std::vector<std::string> bounds;
  for (const SlotRange& range : ranges) {
    bounds.push_back(std::to_string(range.first));
    bounds.push_back(std::to_string(range.last));
  }
  return bounds;
}

SlotBitmap BitmapOf(const SlotRanges& ranges) {
  SlotBitmap slots;
  for (const SlotRange& range : ranges) {
    for (int slot = range.first; slot <= range.last; ++slot) slots.Add(protocol::Slot(slot));
  }
  return slots;
}

SlotRanges RangesOf(const SlotBitmap& slots) {
  SlotRanges ranges;
  slots.ForEach([&ranges](protocol::Slot slot) {
    const auto number = static_cast<std::uint16_t>(protocol::ToInt(slot));
    if (!ranges.empty() && ranges.back().last + 1 == number) {
      ranges.back().last = number;
    } else {
      ranges.push_back({number, number});
    }
  });
  return ranges;
}

}  // namespace slotway::storage::cluster
