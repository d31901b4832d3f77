// SPDX-License-Identifier: Apache-2.0
// All users of a server, by name. There is always one called "default".
//
// A user keeps its address until it is removed: connections refer to it. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "protocol/acl_user.h"

namespace slotway::protocol {

inline constexpr std::string_view kDefaultUser = "default";

class AclUsers {
 public:
  using ByName = std::map<std::string, std::unique_ptr<AclUser>, std::less<>>;

  explicit AclUsers(const AclContext& context);

  AclUser* Find(std::string_view name) const;
  AclUser& Default() const { return *default_; }
  const ByName& All() const { return users_; }  // sorted by name

  // What a user would be with these rules added (ACL SETUSER), or the error, without "ERR".
  tl::expected<AclUser, std::string> Changed(std::string_view name,
                                             std::span<const std::string_view> rules,
                                             const AclContext& context) const;
  // Adds a user or makes the one of that name like it.
  void Put(AclUser user);
  // The one that was removed, for those who still refer to it. REQUIRES: not the default user.
  std::unique_ptr<AclUser> Remove(std::string_view name);

  // "user alice on #... ~* &* +@all", one each: what ACL LIST shows and files hold.
  std::vector<std::string> Lines() const;

 private:
  ByName users_;
  AclUser* default_;
};

}  // namespace slotway::protocol
