// SPDX-License-Identifier: Apache-2.0
// A user of Redis's access control lists: may it log in, with what, and what may it do then.
//
// Source: the ACL and ACL SETUSER pages of the Redis documentation. A value; a copy is how a change
// is tried before it is made. Not thread-safe while changed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/acl_rule_error.h"
#include "protocol/acl_selector.h"

namespace slotway::protocol {

// 64 lower case hexadecimal digits of a password's SHA-256. Passed in: this layer has no crypto.
using PasswordHash = std::string (*)(std::string_view password);

// What rules need beside themselves.
struct AclContext {
  PasswordHash hash;
  bool allows_all_channels = false;  // acl-pubsub-default, for what is new
};

class AclUser {
 public:
  // Off, without passwords, may do nothing.
  AclUser(std::string_view name, const AclContext& context);
  // The user of who has not logged in: on, nopass, may do everything.
  static AclUser MakeDefault(const AclContext& context);

  // One rule: "on", ">password", "#hash", "(+get ~key*)", "reset", or one of the own selector. An
  // empty one does nothing.
  AclRuleError Apply(std::string_view rule, const AclContext& context);
  // All of them or, with a text that says why ("Error in ACL SETUSER modifier ..."), some: to be
  // applied to a copy. Selectors may be spread over several rules.
  tl::expected<void, std::string> ApplyAll(std::span<const std::string_view> rules,
                                           const AclContext& context);

  // See AclCommandSet.
  void Withhold(const AclCommandSet& dangerous, const AclCommandSet& denied);

  const std::string& Name() const { return name_; }
  bool IsEnabled() const { return is_enabled_; }
  bool HasNoPassword() const { return has_no_password_; }  // any password will do
  // Whoever comes is this user at once.
  bool IsOpen() const { return is_enabled_ && has_no_password_; }
  // Whether it may log in. Takes the same time whatever is in the hash.
  bool Accepts(std::string_view password, PasswordHash hash) const;
  std::span<const std::string> PasswordHashes() const { return passwords_; }
  // The first one is the user's own.
  std::span<const AclSelector> Selectors() const { return selectors_; }
  // No request needs a look.
  bool MayDoEverything() const { return may_do_everything_; }

  // "on nopass ~* &* +@all": as in ACL LIST, files and settings, behind the name.
  std::string Describe(AclSelector::Form form = AclSelector::Form::kAsRedis) const;
  // "on", "nopass", ...
  std::vector<std::string_view> Flags() const;

 private:
  enum class Sanitizing : std::uint8_t { kUnsaid, kSkip, kOn };

  AclRuleError ApplyPassword(std::string_view rule, PasswordHash hash);
  AclRuleError AddSelector(std::string_view rules, const AclContext& context);
  void Reset(const AclContext& context);

  std::string name_;
  bool is_enabled_ = false;
  bool has_no_password_ = false;
  bool may_do_everything_ = false;
  Sanitizing sanitizing_ = Sanitizing::kUnsaid;
  std::vector<std::string> passwords_;  // hashes, in the order in which they were added
  std::vector<AclSelector> selectors_;
};

// Joins selectors that are spread over several words: "(+get", "~a)" becomes "(+get ~a)". An error
// says where one begins that does not end.
tl::expected<std::vector<std::string>, std::string> JoinAclSelectors(
    std::span<const std::string_view> words);

}  // namespace slotway::protocol
