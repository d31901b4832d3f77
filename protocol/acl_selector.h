// SPDX-License-Identifier: Apache-2.0
// One set of ACL permissions: commands, key patterns and channel patterns that go together. A user
// has one of its own and may have more, "( ... )"; a request is allowed that one of them allows.
//
// Source: the ACL and ACL SETUSER pages of the Redis documentation. A value; not thread-safe while
// changed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/acl_command_set.h"
#include "protocol/acl_pattern.h"
#include "protocol/acl_rule_error.h"

namespace slotway::protocol {

class AclSelector {
 public:
  // Allows nothing yet, or all channels (acl-pubsub-default).
  explicit AclSelector(bool allows_all_channels) : allows_all_channels_(allows_all_channels) {}

  // One rule: "+get", "-@all", "~key*", "%R~key*", "&channel*", "resetkeys", ...
  AclRuleError Apply(std::string_view rule);

  // "~key* resetchannels -@all +get"
  // Redis writes "%RW~*" as "~*", behind which no further pattern may stand; not so in `kExact`, which
  // also has "+?keys": a command that is allowed, and not named (AclCommandSet::Names()).
  enum class Form : std::uint8_t { kAsRedis, kExact };
  std::string Describe(Form form = Form::kAsRedis) const;
  // The parts as ACL GETUSER shows them: "~a %R~b", "&c", "-@all +get".
  std::string KeyRules(Form form = Form::kAsRedis) const;
  std::string ChannelRules() const;
  std::string CommandRules(Form form = Form::kAsRedis) const;
  // See AclCommandSet.
  void Withhold(const AclCommandSet& dangerous, const AclCommandSet& denied) {
    commands_.Withhold(dangerous, denied);
  }

  const AclCommandSet& Commands() const { return commands_; }
  bool AllowsAllKeys() const { return allows_all_keys_; }
  bool AllowsAllChannels() const { return allows_all_channels_; }
  bool AllowsEverything() const {
    return allows_all_keys_ && allows_all_channels_ && commands_.AllowsAll();
  }
  // `access`: bits of AclKeyAccess; 0 needs a pattern that matches, whatever it is good for.
  bool AllowsKey(std::string_view key, std::uint8_t access) const;
  // Whether any key may be read: ~* or %R~*.
  bool AllowsReadingAllKeys() const;
  // A pattern to subscribe to is allowed when the same text is.
  bool AllowsChannel(std::string_view channel, bool is_pattern) const;

 private:
  AclRuleError ApplyKeyPattern(std::string_view rule);
  AclRuleError ApplyChannelPattern(std::string_view pattern);
  AclRuleError ApplyCommand(std::string_view name, bool is_allowed);

  AclCommandSet commands_;
  std::vector<AclKeyPattern> keys_;
  std::vector<AclPattern> channels_;
  bool allows_all_keys_ = false;
  bool allows_all_channels_;
};

// Whether a name or pattern has a space or a zero byte in it, which rules and files cannot hold.
bool HasAclSpaces(std::string_view text);

}  // namespace slotway::protocol
