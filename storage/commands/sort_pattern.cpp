// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/sort_pattern.h"

#include "storage/engine/hash_handle.h"

namespace slotway::storage {

SortPattern::SortPattern(std::string_view text) : text_(text), star_(text.find('*')) {
  if (!HasStar()) return;
  behind_star_ = text.substr(star_ + 1);
  const std::size_t arrow = behind_star_.find("->");
  // An arrow with nothing behind it belongs to the key's name.
  if (arrow == std::string_view::npos || arrow + 2 == behind_star_.size()) return;
  field_ = behind_star_.substr(arrow + 2);
  behind_star_ = behind_star_.substr(0, arrow);
}

std::optional<std::string> SortPattern::ValueFor(CommandContext& ctx,
                                                 std::string_view element) const {
  if (IsElement()) return std::string(element);
  if (!HasStar()) return std::nullopt;
  std::string name(text_.substr(0, star_));
  name.append(element).append(behind_star_);
  const Entry entry = ctx.FindToRead({protocol::SlotOfKey(name), name});
  if (!entry) return std::nullopt;
  if (!field_.empty()) {
    if (entry.type() != ValueType::kHash) return std::nullopt;
    HashHandle hash(ctx.db, entry);
    const auto value = hash.Get(field_);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  if (entry.type() != ValueType::kString) return std::nullopt;
  NumberText buffer;
  return std::string(StringText(entry, buffer));
}

}  // namespace slotway::storage
