// SPDX-License-Identifier: Apache-2.0
// Why an ACL rule was not taken, with Redis's texts.
#pragma once

#include <string_view>

namespace slotway::protocol {

enum class AclRuleError {
  kNone,
  kSyntax,
  kUnknownCommand,  // or category
  kBehindAllKeys,   // a key pattern behind ~*
  kBehindAllChannels,
  kNoSuchPassword,
  kBadHash,
  kArgumentOfSubcommand,  // +config|get|x
};

std::string_view AclRuleErrorText(AclRuleError error);

}  // namespace slotway::protocol
