// SPDX-License-Identifier: Apache-2.0
// Patterns of SORT's BY and GET: which value belongs to an element.
//
// "weight_*" is the string under the key with the element in the star's place, "user_*->name" a
// field of the hash there, "#" the element itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/command_context.h"

namespace slotway::storage {

class SortPattern {
 public:
  // The view must outlive the pattern.
  explicit SortPattern(std::string_view text);

  bool IsElement() const { return text_ == "#"; }
  // Without a star there is nothing to look up.
  bool HasStar() const { return star_ != std::string_view::npos; }
  // Nothing if there is no such key or field, or another type of value.
  std::optional<std::string> ValueFor(CommandContext& ctx, std::string_view element) const;

 private:
  std::string_view text_;
  std::size_t star_;
  std::string_view behind_star_;  // of the key
  std::string_view field_;        // empty: none
};

}  // namespace slotway::storage
