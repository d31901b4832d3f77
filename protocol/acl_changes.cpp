// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_changes.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "protocol/acl_user_line.h"
#include "protocol/crc64.h"

namespace slotway::protocol {
namespace {

constexpr std::string_view kNoBase = "-", kUser = "user ", kGone = "gone ";

std::string LineOf(const AclUser& user) {
  return std::string(kUser) + user.Name() + " " + user.Describe(AclSelector::Form::kExact);
}

std::string BaseOf(const AclUser* user) {
  if (user == nullptr) return std::string(kNoBase);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(Crc64(LineOf(*user))));
  return digits;
}

// The text up to `end`, which is taken away with it.
std::string_view TakeUpTo(char end, std::string_view& text) {
  const std::size_t length = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return taken;
}

}  // namespace

AclUsers CopyOf(const AclUsers& users, const AclContext& context) {
  AclUsers copy(context);
  for (const auto& [name, user] : users.All()) copy.Put(*user);
  return copy;
}

std::optional<AclChanges> AclChanges::Parse(std::string_view text) {
  AclChanges changes;
  while (!text.empty()) {
    std::string_view line = TakeUpTo('\n', text);
    const std::string_view base = TakeUpTo(' ', line);
    const bool is_gone = line.starts_with(kGone);
    if (base.empty() || (!is_gone && !line.starts_with(kUser))) return std::nullopt;
    std::string_view rest = line.substr(is_gone ? kGone.size() : kUser.size());
    const std::string_view name = TakeUpTo(' ', rest);
    if (name.empty()) return std::nullopt;
    changes.changes_.insert_or_assign(
        std::string(name),
        Change{std::string(base), is_gone ? std::nullopt : std::optional<std::string>(line)});
  }
  return changes;
}

std::string AclChanges::Text() const {
  std::string text;
  for (const auto& [name, change] : changes_) {
    text += change.base + " " + (change.line ? *change.line : std::string(kGone) + name) + "\n";
  }
  return text;
}

AclUsers AclChanges::Over(const AclUsers& settings, const AclContext& context) const {
  AclUsers users = CopyOf(settings, context);
  for (const auto& [name, change] : changes_) {
    if (BaseOf(settings.Find(name)) != change.base) continue;
    auto user = change.line ? ReadAclUserLine(change.line->substr(kUser.size()), context)
                            : tl::expected<AclUser, std::string>(tl::unexpect, "gone");
    if (user) {
      users.Put(*std::move(user));
    } else if (name != kDefaultUser) {
      users.Remove(name);
    } else {
      users.Put(AclUser(kDefaultUser, context));  // off, and may do nothing
    }
  }
  return users;
}

void AclChanges::Note(const AclUsers& settings, const AclUsers& before, const AclUsers& after) {
  std::set<std::string, std::less<>> names;
  for (const AclUsers* users : {&before, &after}) {
    for (const auto& [name, user] : users->All()) names.insert(name);
  }
  auto line_of = [](const AclUser* user) {
    return user != nullptr ? std::optional(LineOf(*user)) : std::nullopt;
  };
  for (const std::string& name : names) {
    auto line = line_of(after.Find(name));
    if (line == line_of(before.Find(name))) continue;
    const AclUser* set = settings.Find(name);
    if (line == line_of(set)) {
      changes_.erase(name);
    } else {
      changes_.insert_or_assign(name, Change{BaseOf(set), std::move(line)});
    }
  }
}

}  // namespace slotway::protocol
