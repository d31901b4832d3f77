// SPDX-License-Identifier: Apache-2.0
// A glob pattern of an ACL rule, prepared: most are a prefix and a star, or have no star at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::protocol {

class AclPattern {
 public:
  explicit AclPattern(std::string_view text);

  const std::string& Text() const { return text_; }
  // As GlobMatches(Text(), name).
  bool Matches(std::string_view name) const;

 private:
  enum class Shape : std::uint8_t { kLiteral, kPrefix, kGlob };

  std::string text_;
  Shape shape_;
};

// What a key pattern is good for: bits.
enum AclKeyAccess : std::uint8_t { kAclRead = 1, kAclWrite = 2, kAclReadWrite = 3 };

struct AclKeyPattern {
  AclPattern pattern;
  std::uint8_t access;

  // "~key*", "%R~key*", "%W~key*"
  std::string Rule() const;
};

}  // namespace slotway::protocol
