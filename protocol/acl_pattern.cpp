// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_pattern.h"

#include "protocol/glob.h"

namespace slotway::protocol {

AclPattern::AclPattern(std::string_view text) : text_(text), shape_(Shape::kGlob) {
  const std::size_t special = text.find_first_of("*?[\\");
  if (special == std::string_view::npos) shape_ = Shape::kLiteral;
  if (!text.empty() && special == text.size() - 1 && text.back() == '*') shape_ = Shape::kPrefix;
}

bool AclPattern::Matches(std::string_view name) const {
  const std::string_view text = text_;
  switch (shape_) {
    case Shape::kLiteral:
      return name == text;
    case Shape::kPrefix:
      // Not even a star takes an empty name.
      return !name.empty() && name.starts_with(text.substr(0, text.size() - 1));
    case Shape::kGlob:
      break;
  }
  return GlobMatches(text, name);
}

std::string AclKeyPattern::Rule() const {
  const std::string_view prefix = access == kAclRead ? "%R~" : access == kAclWrite ? "%W~" : "~";
  return std::string(prefix) + pattern.Text();
}

}  // namespace slotway::protocol
