// SPDX-License-Identifier: Apache-2.0
// Commands that users do not have by the way, and those that nobody has, whatever their rules say.
//
// Pure; a value.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/acl_user.h"

namespace slotway::protocol {

class AclGuard {
 public:
  AclGuard() = default;
  // Of "flushall", "config|set", "@admin". An error names the one that is none of these.
  static tl::expected<AclGuard, std::string> Make(std::span<const std::string> dangerous,
                                                  std::span<const std::string> denied);

  // Takes away what of the dangerous ones the user's rules do not name (AclCommandSet::Names()), and
  // the denied ones.
  void Apply(AclUser& user) const { user.Withhold(dangerous_, denied_); }
  // Why a user whose own rules allow this command does not have it: "it is one of ...".
  std::string_view WhyNot(CommandId id) const;
  bool operator==(const AclGuard& other) const {
    return dangerous_.HasSameCommands(other.dangerous_) && denied_.HasSameCommands(other.denied_);
  }

 private:
  AclCommandSet dangerous_;
  AclCommandSet denied_;
};

}  // namespace slotway::protocol
