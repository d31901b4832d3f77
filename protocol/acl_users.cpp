// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_users.h"

#include <cassert>

namespace slotway::protocol {

AclUsers::AclUsers(const AclContext& context) {
  Put(AclUser::MakeDefault(context));
  default_ = Find(kDefaultUser);
}

AclUser* AclUsers::Find(std::string_view name) const {
  const auto found = users_.find(name);
  return found != users_.end() ? found->second.get() : nullptr;
}

tl::expected<AclUser, std::string> AclUsers::Changed(std::string_view name,
                                                     std::span<const std::string_view> rules,
                                                     const AclContext& context) const {
  const AclUser* known = Find(name);
  AclUser changed = known != nullptr ? *known : AclUser(name, context);
  if (auto applied = changed.ApplyAll(rules, context); !applied) {
    return tl::unexpected(applied.error());
  }
  return changed;
}

void AclUsers::Put(AclUser user) {
  std::unique_ptr<AclUser>& place = users_[user.Name()];
  if (place) {
    *place = std::move(user);
  } else {
    place = std::make_unique<AclUser>(std::move(user));
  }
}

std::unique_ptr<AclUser> AclUsers::Remove(std::string_view name) {
  assert(name != kDefaultUser);
  const auto found = users_.find(name);
  if (found == users_.end()) return nullptr;
  return std::move(users_.extract(found).mapped());
}

std::vector<std::string> AclUsers::Lines() const {
  std::vector<std::string> lines;
  for (const auto& [name, user] : users_) lines.push_back("user " + name + ' ' + user->Describe());
  return lines;
}

}  // namespace slotway::protocol
