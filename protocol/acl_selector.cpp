// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_selector.h"

#include <algorithm>

#include "protocol/acl_command_rules.h"
#include "protocol/ascii.h"

namespace slotway::protocol {

bool HasAclSpaces(std::string_view text) {
  constexpr std::string_view kSpaces(" \t\n\v\f\r\0", 7);
  return text.find_first_of(kSpaces) != std::string_view::npos;
}

AclRuleError AclSelector::Apply(std::string_view rule) {
  const auto is = [&](std::string_view word) { return EqualsNoCase(rule, word); };
  if (is("allkeys") || is("~*")) {
    allows_all_keys_ = true;
    keys_.clear();
  } else if (is("resetkeys")) {
    allows_all_keys_ = false;
    keys_.clear();
  } else if (is("allchannels") || is("&*")) {
    allows_all_channels_ = true;
    channels_.clear();
  } else if (is("resetchannels")) {
    allows_all_channels_ = false;
    channels_.clear();
  } else if (is("allcommands") || is("+@all")) {
    commands_.SetAll(true);
  } else if (is("nocommands") || is("-@all")) {
    commands_.SetAll(false);
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return ApplyKeyPattern(rule);
  } else if (rule.starts_with('&')) {
    return ApplyChannelPattern(rule.substr(1));
  } else if (rule.starts_with("+?")) {
    const CommandSpec* command = FindCommandByFullName(rule.substr(2));
    if (command == nullptr) return AclRuleError::kUnknownCommand;
    commands_.AllowUnnamed(*command);
  } else if (rule.starts_with('+') || rule.starts_with('-')) {
    const bool is_allowed = rule[0] == '+';
    if (!rule.substr(1).starts_with('@')) return ApplyCommand(rule.substr(1), is_allowed);
    const FlagSet<AclCategory> category = AclCategoryByName(rule.substr(2));
    if (category.bits == 0) return AclRuleError::kUnknownCommand;
    commands_.SetCategory(category, is_allowed);
  } else {
    return AclRuleError::kSyntax;
  }
  return AclRuleError::kNone;
}

AclRuleError AclSelector::ApplyKeyPattern(std::string_view rule) {
  if (allows_all_keys_) return AclRuleError::kBehindAllKeys;
  std::uint8_t access = rule[0] == '~' ? kAclReadWrite : 0;
  std::size_t at = 1;
  if (rule[0] == '%') {
    for (; at < rule.size() && rule[at] != '~'; ++at) {
      const char letter = ToLowerAscii(rule[at]);
      const std::uint8_t bit = letter == 'r' ? kAclRead : letter == 'w' ? kAclWrite : 0;
      if (bit == 0 || (access & bit) != 0) return AclRuleError::kSyntax;
      access |= bit;
    }
    at = std::min(at + 1, rule.size());  // without '~': the empty pattern, as in Redis
    if (access == 0) return AclRuleError::kSyntax;
  }
  const std::string_view pattern = rule.substr(at);
  if (HasAclSpaces(pattern)) return AclRuleError::kSyntax;
  const auto known = std::ranges::find_if(
      keys_, [&](const AclKeyPattern& key) { return key.pattern.Text() == pattern; });
  if (known != keys_.end()) {
    known->access |= access;
  } else {
    keys_.push_back({AclPattern(pattern), access});
  }
  return AclRuleError::kNone;
}

AclRuleError AclSelector::ApplyChannelPattern(std::string_view pattern) {
  if (allows_all_channels_) return AclRuleError::kBehindAllChannels;
  if (HasAclSpaces(pattern)) return AclRuleError::kSyntax;
  if (!AllowsChannel(pattern, true)) channels_.emplace_back(pattern);
  return AclRuleError::kNone;
}

// "get", "config|get", and for commands without subcommands "select|0".
AclRuleError AclSelector::ApplyCommand(std::string_view name, bool is_allowed) {
  const std::size_t bar = name.rfind('|');
  if (is_allowed && bar != std::string_view::npos) {
    const CommandSpec* command = FindCommandByFullName(name.substr(0, bar));
    if (command == nullptr) return AclRuleError::kUnknownCommand;
    if (name.substr(0, bar).find('|') != std::string_view::npos) {
      return AclRuleError::kArgumentOfSubcommand;
    }
    if (bar + 1 == name.size()) return AclRuleError::kSyntax;
    if (command->subcommands.empty()) {
      commands_.AllowFirstArgument(*command, name.substr(bar + 1));
      return AclRuleError::kNone;
    }
  }
  const CommandSpec* command = FindCommandByFullName(name);
  if (command == nullptr) return AclRuleError::kUnknownCommand;
  commands_.Set(*command, is_allowed);
  return AclRuleError::kNone;
}

std::string AclSelector::KeyRules(Form form) const {
  if (allows_all_keys_) return "~*";
  std::string rules;
  for (const AclKeyPattern& key : keys_) {
    const std::string rule = key.Rule();
    const bool is_ambiguous = form == Form::kExact && rule == "~*";
    rules += (rules.empty() ? "" : " ") + (is_ambiguous ? "%RW~*" : rule);
  }
  return rules;
}

std::string AclSelector::ChannelRules() const {
  if (allows_all_channels_) return "&*";
  std::string rules;
  for (const AclPattern& channel : channels_) {
    rules += (rules.empty() ? "&" : " &") + channel.Text();
  }
  return rules;
}

std::string AclSelector::CommandRules(Form form) const {
  return AclCommandRules(commands_, form == Form::kExact);
}

std::string AclSelector::Describe(Form form) const {
  std::string text;
  for (const std::string& rules :
       {KeyRules(form), std::string(allows_all_channels_ ? "" : "resetchannels"), ChannelRules()}) {
    if (!rules.empty()) text += rules + ' ';
  }
  return text + CommandRules(form);
}

bool AclSelector::AllowsKey(std::string_view key, std::uint8_t access) const {
  return allows_all_keys_ || std::ranges::any_of(keys_, [&](const AclKeyPattern& allowed) {
           return (allowed.access & access) == access && allowed.pattern.Matches(key);
         });
}

bool AclSelector::AllowsReadingAllKeys() const {
  return allows_all_keys_ || std::ranges::any_of(keys_, [](const AclKeyPattern& allowed) {
           return (allowed.access & kAclRead) != 0 && allowed.pattern.Text() == "*";
         });
}

bool AclSelector::AllowsChannel(std::string_view channel, bool is_pattern) const {
  return allows_all_channels_ || std::ranges::any_of(channels_, [&](const AclPattern& allowed) {
           return is_pattern ? allowed.Text() == channel : allowed.Matches(channel);
         });
}

}  // namespace slotway::protocol
