// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_rule_error.h"

namespace slotway::protocol {

std::string_view AclRuleErrorText(AclRuleError error) {
  switch (error) {
    case AclRuleError::kNone:
      return "";
    case AclRuleError::kSyntax:
      return "Syntax error";
    case AclRuleError::kUnknownCommand:
      return "Unknown command or category name in ACL";
    case AclRuleError::kBehindAllKeys:
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
             "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case AclRuleError::kBehindAllChannels:
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
             "does not have any effect. Try 'resetchannels' to start with an empty list of "
             "channels";
    case AclRuleError::kNoSuchPassword:
      return "The password you are trying to remove from the user does not exist";
    case AclRuleError::kBadHash:
      return "The password hash must be exactly 64 characters and contain only lowercase "
             "hexadecimal characters";
    case AclRuleError::kArgumentOfSubcommand:
      return "Allowing first-arg of a subcommand is not supported";
  }
  return "";
}

}  // namespace slotway::protocol
