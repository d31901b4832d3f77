// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_user.h"

#include <algorithm>

#include "protocol/ascii.h"

namespace slotway::protocol {
namespace {

constexpr std::size_t kHashDigits = 64;

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace

AclUser::AclUser(std::string_view name, const AclContext& context)
    : name_(name), selectors_(1, AclSelector(context.allows_all_channels)) {}

AclUser AclUser::MakeDefault(const AclContext& context) {
  AclUser user("default", context);
  for (std::string_view rule : {"on", "nopass", "~*", "&*", "+@all"}) user.Apply(rule, context);
  return user;
}

AclRuleError AclUser::Apply(std::string_view rule, const AclContext& context) {
  const auto is = [&](std::string_view word) { return EqualsNoCase(rule, word); };
  AclRuleError error = AclRuleError::kNone;
  if (rule.empty()) {
    return error;
  } else if (is("on") || is("off")) {
    is_enabled_ = is("on");
  } else if (is("skip-sanitize-payload")) {
    sanitizing_ = Sanitizing::kSkip;
  } else if (is("sanitize-payload")) {
    sanitizing_ = Sanitizing::kOn;
  } else if (is("nopass") || is("resetpass")) {
    has_no_password_ = is("nopass");
    passwords_.clear();
  } else if (rule.find_first_of("><#!") == 0) {
    error = ApplyPassword(rule, context.hash);
  } else if (rule.starts_with('(') && rule.ends_with(')')) {
    error = AddSelector(rule.substr(1, rule.size() - 2), context);
  } else if (is("clearselectors")) {
    selectors_.erase(selectors_.begin() + 1, selectors_.end());
  } else if (is("reset")) {
    Reset(context);
  } else {
    error = selectors_.front().Apply(rule);
  }
  may_do_everything_ = std::ranges::any_of(selectors_, &AclSelector::AllowsEverything);
  return error;
}

AclRuleError AclUser::ApplyPassword(std::string_view rule, PasswordHash hash) {
  const bool is_plain = rule[0] == '>' || rule[0] == '<';
  const std::string_view given = rule.substr(1);
  if (!is_plain && !IsHash(given)) return AclRuleError::kBadHash;
  const std::string digits = is_plain ? hash(given) : std::string(given);
  const auto known = std::ranges::find(passwords_, digits);
  if (rule[0] == '>' || rule[0] == '#') {
    if (known == passwords_.end()) passwords_.push_back(digits);
    has_no_password_ = false;
  } else if (known != passwords_.end()) {
    passwords_.erase(known);
  } else {
    return AclRuleError::kNoSuchPassword;
  }
  return AclRuleError::kNone;
}

AclRuleError AclUser::AddSelector(std::string_view rules, const AclContext& context) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  AclSelector selector(context.allows_all_channels);
  std::size_t at = 0;
  while ((at = rules.find_first_not_of(kSpaces, at)) != std::string_view::npos) {
    const std::size_t end = std::min(rules.find_first_of(kSpaces, at), rules.size());
    const AclRuleError error = selector.Apply(rules.substr(at, end - at));
    if (error != AclRuleError::kNone) return error;
    at = end;
  }
  selectors_.push_back(std::move(selector));
  return AclRuleError::kNone;
}

void AclUser::Reset(const AclContext& context) {
  *this = AclUser(std::string(name_), context);
  sanitizing_ = Sanitizing::kOn;
}

tl::expected<void, std::string> AclUser::ApplyAll(std::span<const std::string_view> rules,
                                                  const AclContext& context) {
  const auto joined = JoinAclSelectors(rules);
  if (!joined) return tl::unexpected(joined.error());
  for (const std::string& rule : *joined) {
    const AclRuleError error = Apply(rule, context);
    if (error == AclRuleError::kNone) continue;
    return tl::unexpected("Error in ACL SETUSER modifier '" + rule +
                          "': " + std::string(AclRuleErrorText(error)));
  }
  return {};
}

void AclUser::Withhold(const AclCommandSet& dangerous, const AclCommandSet& denied) {
  for (AclSelector& selector : selectors_) selector.Withhold(dangerous, denied);
  may_do_everything_ = std::ranges::any_of(selectors_, &AclSelector::AllowsEverything);
}

bool AclUser::Accepts(std::string_view password, PasswordHash hash) const {
  if (is_enabled_ && has_no_password_) return true;
  const std::string given = hash(password);
  bool is_right = false;
  for (const std::string& known : passwords_) is_right |= EqualInConstantTime(known, given);
  return is_right && is_enabled_;
}

std::vector<std::string_view> AclUser::Flags() const {
  std::vector<std::string_view> flags = {is_enabled_ ? "on" : "off"};
  if (has_no_password_) flags.emplace_back("nopass");
  if (sanitizing_ == Sanitizing::kSkip) flags.emplace_back("skip-sanitize-payload");
  if (sanitizing_ == Sanitizing::kOn) flags.emplace_back("sanitize-payload");
  return flags;
}

std::string AclUser::Describe(AclSelector::Form form) const {
  std::string text;
  for (std::string_view flag : Flags()) text.append(flag).append(" ");
  for (const std::string& password : passwords_) text += '#' + password + ' ';
  text += selectors_.front().Describe(form);
  for (const AclSelector& selector : Selectors().subspan(1)) {
    text += " (" + selector.Describe(form) + ')';
  }
  return text;
}

tl::expected<std::vector<std::string>, std::string> JoinAclSelectors(
    std::span<const std::string_view> words) {
  std::vector<std::string> joined;
  std::string selector;  // not empty: one that has begun
  std::string_view begin;
  for (std::string_view word : words) {
    if (!selector.empty()) {
      selector.append(" ").append(word);
    } else if (word.starts_with('(') && !word.ends_with(')')) {
      selector = begin = word;
    } else {
      joined.emplace_back(word);
    }
    if (selector.ends_with(')')) {
      joined.push_back(std::move(selector));
      selector.clear();
    }
  }
  if (selector.empty()) return joined;
  return tl::unexpected("Unmatched parenthesis in acl selector starting at '" + std::string(begin) +
                        "'.");
}

}  // namespace slotway::protocol
