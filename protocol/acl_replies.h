// SPDX-License-Identifier: Apache-2.0
// What ACL CAT, GETUSER and LOG answer, for any writer of replies (resp_writer.h).
//
// Source: the pages of these commands in the Redis documentation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/acl_category_commands.h"
#include "protocol/acl_log.h"
#include "protocol/acl_user.h"

namespace slotway::protocol {

// The categories, or with a name the commands of that one.
template <class Writer>
void WriteAclCategories(Writer& reply) {
  const auto categories = AllAclCategories();
  reply.Array(categories.size());
  for (AclCategory category : categories) reply.Bulk(AclCategoryName(category));
}

// Returns the error to answer with; empty: the reply is written.
template <class Writer>
std::string WriteAclCategory(Writer& reply, std::string_view name) {
  constexpr std::size_t kNameShown = 128;
  const auto category = AclCategoryByName(name);
  if (category.bits == 0) {
    return "ERR Unknown category '" + std::string(name.substr(0, kNameShown)) + "'";
  }
  const auto names = CommandNamesIn(category);
  reply.Array(names.size());
  for (std::string_view command : names) reply.Bulk(command);
  return {};
}

template <class Writer>
void WriteAclSelectorFields(Writer& reply, const AclSelector& selector) {
  reply.Bulk("commands");
  reply.Bulk(selector.CommandRules());
  reply.Bulk("keys");
  reply.Bulk(selector.KeyRules());
  reply.Bulk("channels");
  reply.Bulk(selector.ChannelRules());
}

// nullptr: there is no such user.
template <class Writer>
void WriteAclUser(Writer& reply, const AclUser* user) {
  if (user == nullptr) return reply.Null();
  reply.Map(6);
  reply.Bulk("flags");
  const std::vector<std::string_view> flags = user->Flags();
  reply.Set(flags.size());
  for (std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("passwords");
  reply.Array(user->PasswordHashes().size());
  for (const std::string& hash : user->PasswordHashes()) reply.Bulk(hash);
  WriteAclSelectorFields(reply, user->Selectors().front());
  reply.Bulk("selectors");
  reply.Array(user->Selectors().size() - 1);
  for (const AclSelector& selector : user->Selectors().subspan(1)) {
    reply.Map(3);
    WriteAclSelectorFields(reply, selector);
  }
}

template <class Writer>
void WriteAclLogEntry(Writer& reply, const AclLogEntry& entry, std::int64_t now_ms) {
  const auto text = [&](std::string_view name, std::string_view value) {
    reply.Bulk(name);
    reply.Bulk(value);
  };
  const auto number = [&](std::string_view name, std::int64_t value) {
    reply.Bulk(name);
    reply.Integer(value);
  };
  reply.Map(10);
  number("count", static_cast<std::int64_t>(entry.count));
  text("reason", AclLogReasonName(entry.event.reason));
  text("context", AclLogContextName(entry.event.context));
  text("object", entry.event.object);
  text("username", entry.event.user);
  reply.Bulk("age-seconds");
  reply.Double(static_cast<double>(now_ms - entry.updated_ms) / 1000);
  text("client-info", entry.event.client);
  number("entry-id", static_cast<std::int64_t>(entry.id));
  number("timestamp-created", entry.created_ms);
  number("timestamp-last-updated", entry.updated_ms);
}

// The latest `count`; none if that is negative.
template <class Writer>
void WriteAclLog(Writer& reply, const std::deque<AclLogEntry>& entries, std::int64_t count,
                 std::int64_t now_ms) {
  const std::size_t shown =
      std::min(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), entries.size());
  reply.Array(shown);
  for (std::size_t i = 0; i < shown; ++i) WriteAclLogEntry(reply, entries[i], now_ms);
}

}  // namespace slotway::protocol
